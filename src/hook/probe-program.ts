/** Asks a program of this machine what it can do: the real thing behind `chooseHookClient`. */
import { execFile } from "node:child_process";

/** Only what hangs takes this long, even where everything else waits for a processor. */
const TIMEOUT_MS = 20_000;

/** Both outputs, whatever the exit status; undefined when there is no such program or it does not end. */
export async function probeProgram(command: string, args: readonly string[]): Promise<string | undefined> {
  const env = { PATH: process.env["PATH"], LC_ALL: "C" };
  return new Promise((resolve) => {
    const child = execFile(command, args, { env, timeout: TIMEOUT_MS, killSignal: "SIGKILL" }, (error, out, err) => {
      const ended = error === null || typeof error.code === "number";
      resolve(ended ? out + err : undefined);
    });
    child.stdin?.end();
  });
}
