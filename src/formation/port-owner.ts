/** Whose port is it? A connection that is accepted says only that somebody listens; the kernel knows who. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import type { Member } from "./process-table.ts";

/** `st` of a socket that listens, in /proc/net/tcp (Linux, include/net/tcp_states.h). */
const LISTEN = "0A";
/** About two lines of a table. Sockets that listen are the first in it (Linux, networking/proc_net_tcp), and few; the kernel fills
 *  what it is given, and looks for others through a hash that is as large as the machine's memory: some milliseconds. */
const PIECE_BYTES = 256;

/** Does one of these processes listen on this TCP port? Undefined where the machine does not tell.
 *  @param likely the one that most often does
 *  @param members all of them; asked only when it is not the likely one, since to find them may take a look at all processes */
export async function ownsPort(
  likely: number,
  port: number,
  members: () => Promise<Member[]>,
): Promise<boolean | undefined> {
  const sockets = new Set<string>();
  for (const socket of listeningSockets(likely, port)) {
    if (holdsOne(likely, (target) => target === socket) === true) return true;
    sockets.add(socket);
  }
  if (sockets.size === 0) return undefined;
  const answers = (await members()).map(({ pid }) => holdsOne(pid, (target) => sockets.has(target)));
  if (answers.includes(true)) return true;
  // One that cannot be looked into may be the one.
  return answers.includes(undefined) ? undefined : false;
}

/** The sockets that listen on the port in the process's network, as its file descriptors name them. */
function* listeningSockets(pid: number, port: number): Generator<string> {
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const name of ["tcp", "tcp6"]) {
    for (const line of firstLines(`/proc/${String(pid)}/net/${name}`)) {
      const [place, local, , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (place === "sl") continue;
      if (state !== LISTEN) break;
      if (local?.endsWith(hexPort) === true) yield `socket:[${inode}]`;
    }
  }
}

/** The lines of a table for as long as somebody wants more of them; none of a process that is gone. */
function* firstLines(file: string): Generator<string> {
  const bytes = Buffer.alloc(PIECE_BYTES);
  let fd: number | undefined;
  try {
    fd = openSync(file, "r");
    let rest = "";
    for (let length = -1; length !== 0;) {
      length = readSync(fd, bytes, 0, PIECE_BYTES, null);
      const lines = `${rest}${bytes.toString("latin1", 0, length)}`.split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch {
    // It has ended.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** False for a process that is gone, undefined for one that does not let us look. */
function holdsOne(pid: number, isWanted: (target: string) => boolean): boolean | undefined {
  const directory = `/proc/${String(pid)}/fd`;
  try {
    return readdirSync(directory).some((file) => isWanted(linkTarget(`${directory}/${file}`)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ESRCH" ? false : undefined;
  }
}

/** Empty for a file that was closed meanwhile. */
function linkTarget(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}
