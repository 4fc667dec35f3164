/** Answers what never became a request: no HTTP at all, a head that is too long, or one that does not come to its end. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

const REFUSALS: Readonly<Record<string, { status: number; id: string; message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, id: "bad_request", message: "The head of the request is too large." },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, id: "request_timeout", message: "The request did not arrive in time." },
};
const NO_HTTP = { status: 400, id: "bad_request", message: "This is not an HTTP request." };

/** The connection is closed: nobody knows where the next request would begin. */
export function answerClientError(error: { code?: string | undefined }, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const { status, id, message } = REFUSALS[error.code ?? ""] ?? NO_HTTP;
  const body = JSON.stringify({ id, message });
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    "Connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.destroySoon();
}
