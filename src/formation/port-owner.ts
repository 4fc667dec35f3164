/** Whose port is it? A connection that is accepted says only that somebody listens; the kernel knows who. */
import { readdir, readFile, readlink } from "node:fs/promises";
import type { Member } from "./process-table.ts";

/** `st` of a socket that listens, in /proc/net/tcp (Linux, include/net/tcp_states.h). */
const LISTEN = "0A";

/** Does one of these processes listen on this TCP port? Undefined where the machine does not tell.
 *  @param likely the one that most often does
 *  @param members all of them; asked only when it is not the likely one, since to find them may take a look at all processes */
export async function ownsPort(
  likely: number,
  port: number,
  members: () => Promise<Member[]>,
): Promise<boolean | undefined> {
  const sockets = await listeningSockets(likely, port);
  if (sockets === undefined || sockets.size === 0) return undefined;
  if ((await holdsOne(likely, sockets)) === true) return true;
  const answers = await Promise.all((await members()).map(({ pid }) => holdsOne(pid, sockets)));
  if (answers.includes(true)) return true;
  // One that cannot be looked into may be the one.
  return answers.includes(undefined) ? undefined : false;
}

/** The sockets that listen on the port in the process's network, as its file descriptors name them. */
async function listeningSockets(pid: number, port: number): Promise<ReadonlySet<string> | undefined> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/${String(pid)}/net/${name}`, "latin1").catch(() => undefined)),
  );
  if (tables.every((table) => table === undefined)) return undefined;
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const sockets = new Set<string>();
  for (const line of tables.flatMap((table) => table?.split("\n") ?? [])) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state === LISTEN && local?.endsWith(`:${hexPort}`) === true) sockets.add(`socket:[${inode ?? ""}]`);
  }
  return sockets;
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
