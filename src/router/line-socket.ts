/** Lines over a socket: whole lines in, whole lines out. */
import type { Socket } from "node:net";

/** A table of ten thousand apps is sent as as many lines; one line is one app. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const NEWLINE = 10;

/** Hands over each line without its newline; one that has no end breaks the connection. */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let begin = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, begin)) {
      onLine(bytes.toString("utf8", begin, end));
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
    if (rest.length > LINE_BYTES_MAX) socket.destroy();
  });
}
