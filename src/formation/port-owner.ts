/** Whose port is it, and does anybody take the calls? A connection that comes about says only that somebody asked the
 *  kernel to listen; the kernel knows who, and which connections nobody has accepted yet. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import type { Member } from "./process-table.ts";

/** `st` of a socket that listens, in /proc/net/tcp (Linux, include/net/tcp_states.h). */
const LISTEN = "0A";
/** About two lines of a table. Sockets that listen are the first in it (Linux, networking/proc_net_tcp), and few; the kernel fills
 *  what it is given, and looks for others through a hash that is as large as the machine's memory: some milliseconds. */
const PIECE_BYTES = 256;

export interface Listening {
  /** Is it one of these processes that listens? Undefined where the machine does not tell. */
  readonly isOwn: boolean | undefined;
  /** Connections that wait to be accepted; 0 where the machine does not tell. */
  readonly unaccepted: number;
}

/** Who listens on this TCP port, seen from these processes.
 *  @param likely the one that most often does
 *  @param members all of them; asked only when it is not the likely one, since to find them may take a look at all processes */
export async function readListening(
  likely: number,
  port: number,
  members: () => Promise<Member[]>,
): Promise<Listening> {
  const names = new Set<string>();
  let unaccepted = 0;
  for (const socket of listeningSockets(likely, port)) {
    names.add(socket.name);
    unaccepted += socket.unaccepted;
    if (holdsOne(likely, (target) => target === socket.name) === true) return { isOwn: true, unaccepted };
  }
  return { isOwn: names.size === 0 ? undefined : await isHeldByOne(names, members), unaccepted };
}

async function isHeldByOne(
  sockets: ReadonlySet<string>,
  members: () => Promise<Member[]>,
): Promise<boolean | undefined> {
  const answers = new Set((await members()).map(({ pid }) => holdsOne(pid, (target) => sockets.has(target))));
  if (answers.has(true)) return true;
  // One that cannot be looked into may be the one.
  return answers.has(undefined) ? undefined : false;
}

interface ListeningSocket {
  /** As the file descriptors of a process name it. */
  readonly name: string;
  readonly unaccepted: number;
}

/** What listens on the port in the process's network; nothing where the machine does not tell. */
function* listeningSockets(pid: number, port: number): Generator<ListeningSocket> {
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["tcp", "tcp6"]) {
    for (const line of firstLines(`/proc/${String(pid)}/net/${table}`)) {
      const [place, local, , state, queues, , , , , inode = ""] = line.trim().split(/\s+/);
      if (place === "sl") continue;
      if (state !== LISTEN) break;
      if (local?.endsWith(hexPort) !== true) continue;
      // `tx_queue:rx_queue`; of a socket that listens the second is its accept queue (net/ipv4/tcp_ipv4.c).
      yield { name: `socket:[${inode}]`, unaccepted: Number.parseInt(queues?.split(":")[1] ?? "0", 16) };
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
