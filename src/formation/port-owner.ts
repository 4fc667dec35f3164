/** Whose port is it, and does anybody take the calls? A connection that comes about says only that somebody asked the
 *  kernel to listen; the kernel knows who, and which connections nobody has accepted yet. */
import { readdir, readFile, readlink } from "node:fs/promises";
import type { Member } from "./process-table.ts";

/** `st` of a socket that listens, in /proc/net/tcp (Linux, include/net/tcp_states.h). */
const LISTEN = "0A";

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
  const { sockets, unaccepted } = await listeningSockets(likely, port);
  const isOwn = sockets.size === 0 ? undefined : await isHeldByOne(likely, sockets, members);
  return { isOwn, unaccepted };
}

async function isHeldByOne(
  likely: number,
  sockets: ReadonlySet<string>,
  members: () => Promise<Member[]>,
): Promise<boolean | undefined> {
  if ((await holdsOne(likely, sockets)) === true) return true;
  const answers = await Promise.all((await members()).map(({ pid }) => holdsOne(pid, sockets)));
  if (answers.includes(true)) return true;
  // One that cannot be looked into may be the one.
  return answers.includes(undefined) ? undefined : false;
}

interface ListeningSockets {
  /** As the file descriptors of a process name them. */
  readonly sockets: ReadonlySet<string>;
  readonly unaccepted: number;
}

/** What listens on the port in the process's network; nothing where the machine does not tell. */
async function listeningSockets(pid: number, port: number): Promise<ListeningSockets> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/${String(pid)}/net/${name}`, "latin1").catch(() => undefined)),
  );
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const sockets = new Set<string>();
  let unaccepted = 0;
  for (const line of tables.flatMap((table) => table?.split("\n") ?? [])) {
    const [, local, , state, queues, , , , , inode] = line.trim().split(/\s+/);
    if (state !== LISTEN || local?.endsWith(`:${hexPort}`) !== true) continue;
    sockets.add(`socket:[${inode ?? ""}]`);
    // `tx_queue:rx_queue`; of a socket that listens the second is its accept queue (net/ipv4/tcp_ipv4.c).
    unaccepted += Number.parseInt(queues?.split(":")[1] ?? "0", 16);
  }
  return { sockets, unaccepted };
}

/** False for a process that is gone, undefined for one that does not let us look. */
async function holdsOne(pid: number, sockets: ReadonlySet<string>): Promise<boolean | undefined> {
  const directory = `/proc/${String(pid)}/fd`;
  try {
    const files = await readdir(directory);
    const targets = await Promise.all(files.map((file) => readlink(`${directory}/${file}`).catch(() => "")));
    return targets.some((target) => sockets.has(target));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ESRCH" ? false : undefined;
  }
}
