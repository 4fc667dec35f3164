/** One daemon for one home. On Linux an abstract socket is the lock: the kernel frees it when its owner dies, however
 *  it dies. Elsewhere an answering `server.sock` is the sign of another daemon. */
import { createHash } from "node:crypto";
import { realpath, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { AppError } from "../core/error.ts";

export interface InstanceLock {
  release(): Promise<void>;
}

export class AlreadyServed extends AppError {
  constructor(root: string) {
    super("conflict", `A daemon is already running for ${root}.`, {
      hint: "`git heroku server:status` shows it, `git heroku server:stop` stops it.",
    });
  }
}

/** @throws AlreadyServed when another daemon serves this home. */
export async function lockHome(root: string, socketPath: string): Promise<InstanceLock> {
  if (process.platform !== "linux") {
    if (await answers(socketPath)) throw new AlreadyServed(root);
    await rm(socketPath, { force: true });
    return { release: () => Promise.resolve() };
  }
  const name = createHash("sha256")
    .update(await realpath(root))
    .digest("hex")
    .slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await listenOrRefuse(server, `\0git-heroku-${String(process.getuid?.() ?? 0)}-${name}`, root);
  await rm(socketPath, { force: true });
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listenOrRefuse(server: Server, path: string, root: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new AlreadyServed(root) : error);
    });
    server.listen(path, () => {
      server.unref();
      resolve();
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
