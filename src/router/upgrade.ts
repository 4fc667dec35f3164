/** An older node hands every request with an Upgrade header over as a raw socket. Only those that can become a tunnel stay
 *  so; the others (`Upgrade: h2c`, which some clients put on every request, bodies included) are read again as
 *  plain requests, as a server may that ignores the header. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";

export function isTunnelRequest(request: IncomingMessage): boolean {
  const { headers, method } = request;
  if (method !== "GET" || headers["transfer-encoding"] !== undefined) return false;
  if (headers["content-length"] !== undefined && headers["content-length"] !== "0") return false;
  return !/\bh2c\b/i.test(headers.upgrade ?? "");
}

/** For node's `createServer`: from 24.9 on it asks which requests to hand over as sockets, and passes the others on as the plain
 *  requests that they are, bodies parsed. An older one takes no notice, and hands over all. */
export const TUNNELS_ONLY = { shouldUpgradeCallback: isTunnelRequest };

/** Puts the request back on its socket without its Upgrade and has the server read it once more. */
export function readAsPlainRequest(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { rawHeaders } = request;
  let text = `${request.method ?? "GET"} ${request.url ?? "/"} HTTP/1.${String(request.httpVersionMinor)}\r\n`;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) text += `${name}: ${rawHeaders[index + 1] as string}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}
