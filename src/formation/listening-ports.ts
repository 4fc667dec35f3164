/** The ports on which anybody listens on this machine, as the kernel's tables have it. To look there for all processes that
 *  boot takes a fraction of what it takes to try a connection to each, some two hundred times a second. */
import { closeSync, openSync, readSync } from "node:fs";

/** `st` of a socket that listens (Linux, include/net/tcp_states.h). */
const LISTEN = "0A";
/** Whoever asks within this time is told the same. */
const FRESH_MS = 2;

const bytes = Buffer.allocUnsafeSlow(64 * 1024);
let lookedAt = -Infinity;
let ports: ReadonlySet<number> | undefined;

/** False when nobody listens on the port; true when somebody may, and where the machine does not tell. */
export function mayListen(port: number): boolean {
  const now = performance.now();
  if (now - lookedAt > FRESH_MS) {
    ports = listeningPorts();
    lookedAt = now;
  }
  return ports === undefined || ports.has(port);
}

function listeningPorts(): ReadonlySet<number> | undefined {
  const found = new Set<number>();
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((table) => addPorts(table, found));
  return tables.includes(true) ? found : undefined;
}

/** False where there is no such table. */
function addPorts(table: string, found: Set<number>): boolean {
  let fd: number;
  try {
    fd = openSync(table, "r");
  } catch {
    return false;
  }
  try {
    // Each read gives whole lines. Those that listen come first; of the others there may be very many.
    for (let size = readSync(fd, bytes); size > 0; size = readSync(fd, bytes)) {
      for (const line of bytes.toString("latin1", 0, size).split("\n")) {
        const [, port = "", state = LISTEN] =
          /^ *[0-9]+: [0-9A-F]+:([0-9A-F]+) [0-9A-F]+:[0-9A-F]+ ([0-9A-F]+) /.exec(line) ?? [];
        if (state !== LISTEN) return true;
        if (port !== "") found.add(Number.parseInt(port, 16));
      }
    }
  } finally {
    closeSync(fd);
  }
  return true;
}
