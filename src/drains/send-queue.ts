/** How much of what was written to a TCP connection the other machine has not acknowledged yet, as Linux tells it in
 *  /proc/net/tcp (proc(5)). Node knows only what its own kernel has taken. */
import { readFile } from "node:fs/promises";

export interface Connection {
  localPort: number;
  remotePort: number;
}

const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/** Bytes; undefined where the machine does not tell, "gone" when it has no such connection any more. */
export async function unacknowledged(connection: Connection): Promise<number | "gone" | undefined> {
  let isTold = false;
  for (const table of TABLES) {
    const text = await readFile(table, "latin1").catch(() => "");
    const found = sendQueueIn(text, connection);
    if (found !== undefined) return found;
    isTold ||= text !== "";
  }
  return isTold ? "gone" : undefined;
}

/** Of several connections with these ports the fullest counts: better to wait than to lose. */
export function sendQueueIn(table: string, { localPort, remotePort }: Connection): number | undefined {
  const row = new RegExp(
    `^ *\\d+: [0-9A-F]+:${hexPort(localPort)} [0-9A-F]+:${hexPort(remotePort)} [0-9A-F]{2} ([0-9A-F]{8}):`,
    "gm",
  );
  const queues = [...table.matchAll(row)].map(([, queue = ""]) => Number.parseInt(queue, 16));
  return queues.length === 0 ? undefined : Math.max(...queues);
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}
