/** The person's terminal while another one, far away, does its work: each key goes there at once, and what comes from there is
 *  shown as it is. It is put back whatever ends this program; for SIGKILL a small shell waits that outlives it. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { InputStream } from "./command.ts";

/** In a session of its own, in which nothing that the terminal says reaches it. What Node calls raw still puts a carriage return
 *  before each new line, which full-screen programs have already thought of. */
const GUARD = `
trap '' HUP INT QUIT TERM
before=$(stty -g <&3) || exit 1
echo known
while read -r word; do
  case $word in
    raw) stty -opost <&3; echo raw ;;
    done) exit 0 ;;
  esac
done
stty "$before" <&3
`;

type Guard = ChildProcessByStdio<Writable, Readable, null>;

export class RawTerminal {
  readonly #stdin: InputStream;
  readonly #guard: Guard;

  /** Resolves when the terminal is raw. */
  static async enter(stdin: InputStream): Promise<RawTerminal> {
    const guard = spawn("/bin/sh", ["-c", GUARD, "git-heroku-guard"], {
      cwd: "/",
      detached: true,
      stdio: ["pipe", "pipe", "ignore", 0],
    }) as Guard;
    guard.stdin.on("error", () => undefined);
    // A machine without it has no guard.
    guard.on("error", () => undefined);
    await answer(guard);
    const terminal = new RawTerminal(stdin, guard);
    await answer(guard);
    return terminal;
  }

  private constructor(stdin: InputStream, guard: Guard) {
    this.#stdin = stdin;
    this.#guard = guard;
    this.#begin();
    process.on("SIGTSTP", this.#suspend);
    process.on("SIGCONT", this.#begin);
  }

  leave(): void {
    process.off("SIGTSTP", this.#suspend);
    process.off("SIGCONT", this.#begin);
    this.#stdin.setRawMode?.(false);
    this.#guard.stdin.end("done\n");
  }

  readonly #begin = (): void => {
    this.#stdin.setRawMode?.(true);
    this.#guard.stdin.write("raw\n");
  };

  /** Ctrl-Z is a key like any other here; this comes from another program. */
  readonly #suspend = (): void => {
    this.#stdin.setRawMode?.(false);
    process.kill(process.pid, "SIGSTOP");
  };
}

async function answer({ stdout }: Guard): Promise<void> {
  if (stdout.readableEnded || stdout.destroyed) return;
  await Promise.race([once(stdout, "data"), once(stdout, "close")]).catch(() => undefined);
}
