/** A directory of this run alone, outside of the clone: neither its tools nor the developer's packages mix with it. It is
 *  known to be in use by a socket in it that somebody answers, so that the next run can remove what a killed one left. */
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MARK_NAME } from "./process-guard.ts";
import { livingProcesses, sendSignal } from "./process-tree.ts";

const PREFIX = "git-heroku-local-";
const SOCKET = "alive";
/** One that has no socket by then will never have one. */
const YOUNG_MS = 60_000;

export class ThrowAway {
  readonly path: string;
  readonly #server: Server;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  /** Also removes those that were left behind. */
  static async make(): Promise<ThrowAway> {
    await removeLeftOvers();
    const path = await mkdtemp(join(tmpdir(), PREFIX));
    const server = createServer((socket) => void socket.destroy()).unref();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(join(path, SOCKET), resolve);
    });
    return new ThrowAway(path, server);
  }

  async remove(): Promise<void> {
    this.#server.close();
    await removeDirectory(this.path);
  }
}

async function removeLeftOvers(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  for (const path of names.map((name) => join(tmpdir(), name))) if (await isLeftOver(path)) await removeLeftOver(path);
}

async function isLeftOver(path: string): Promise<boolean> {
  const about = await lstat(path).catch(() => undefined);
  if (about?.isDirectory() !== true || about.uid !== process.getuid?.()) return false;
  const answer = await knock(join(path, SOCKET));
  return answer === "ECONNREFUSED" || (answer === "ENOENT" && Date.now() - about.mtimeMs > YOUNG_MS);
}

function knock(socket: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const client = connect(socket);
    client.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    client.once("connect", () => {
      client.destroy();
      resolve(undefined);
    });
  });
}

async function removeLeftOver(path: string): Promise<void> {
  const marks = [`${MARK_NAME}=${path}`, `HOME=${path}/`];
  for (const pid of await livingProcesses({ sessions: new Set(), marks })) sendSignal(pid, "SIGKILL");
  await removeDirectory(path);
}

async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
}
