/** Gives the disk blocks at the start of a spool back while a process goes on appending to it. */
import { spawn } from "node:child_process";

let isMissing = false;

/** Frees [0, end) rounded down to blocks. False where the machine has no `fallocate` or the file system no holes: then
 *  the spool keeps its size until its process ends. */
export async function punchHole(path: string, end: number): Promise<boolean> {
  const length = end - (end % 4096);
  if (isMissing || length === 0) return false;
  return new Promise((resolve) => {
    const child = spawn("fallocate", ["--punch-hole", "--offset", "0", "--length", String(length), path], {
      stdio: "ignore",
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") isMissing = true;
      resolve(false);
    });
    child.once("exit", (status) => resolve(status === 0));
  });
}
