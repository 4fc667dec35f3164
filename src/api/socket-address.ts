/** Where the Platform API and the router listen. A unix socket's path holds about 104 bytes; a longer one is reached through the
 *  directory's file descriptor, which Linux offers as a short path. */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../core/error.ts";

/** sun_path is 104 bytes on macOS, 108 on Linux, the final NUL included. */
const PATH_BYTES_MAX = 100;

export interface SocketAddress {
  path: string;
  /** To be called once the connection is over. */
  release: () => void;
}

/** @throws AppError unavailable when the path is too long for this system, an ENOENT when there is no such home. */
export function openSocketAddress(home: string, name: string = "server.sock"): SocketAddress {
  const path = join(home, name);
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return { path, release: () => undefined };
  if (process.platform !== "linux") {
    throw new AppError("unavailable", `The path of the platform's socket is too long: ${path}`, {
      hint: "Set GIT_HEROKU_HOME to a shorter directory.",
    });
  }
  const directory = openSync(home, "r");
  return { path: `/proc/self/fd/${String(directory)}/${name}`, release: () => closeSync(directory) };
}
