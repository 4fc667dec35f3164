/** Bytes of a client that node's parser refuses: answered where there is room for an answer. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Exchange } from "./exchange.ts";
import { FAILURES } from "./failure.ts";
import { rawFailure } from "./page.ts";

/** The latest request of a connection. */
export interface Latest {
  readonly response: ServerResponse;
  exchange: Exchange | undefined;
}

const UNPARSED: Record<string, [number, string] | undefined> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
};
/** The client broke off. */
const GONE = new Set(["ECONNRESET", "HPE_INVALID_EOF_STATE"]);
const LINGER_MS = 1_000;

export function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket, latest: Latest | undefined): void {
  const code = error.code ?? "";
  if (!socket.writable || GONE.has(code) || isBusy(latest?.response)) {
    socket.destroy();
    return;
  }
  const [status, reason] = UNPARSED[code] ?? [400, "Bad Request"];
  latest?.exchange?.malformed(status);
  // The client gets a moment to read before the connection goes.
  socket.setTimeout(LINGER_MS);
  socket.end(rawFailure(FAILURES.badRequest, status, reason));
}

/** An answer is on its way, and another one would be read as a part of it. */
function isBusy(response: ServerResponse | undefined): boolean {
  if (response === undefined || response.writableFinished) return false;
  return response.headersSent || response.req.complete;
}
