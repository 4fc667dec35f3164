/** A small shell that outlives this program. When this program is gone without having said that all is well, be it by
 *  SIGKILL, the guard ends the processes that it knows of and removes their throw-away directory. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";

/** A variable that says which run a process belongs to. */
export const MARK_NAME = "GIT_HEROKU_LOCAL";

/** Arguments: seconds between SIGTERM and SIGKILL, the mark of the processes, a directory to remove or nothing. Input: a
 *  process group a line. Where the machine shows environments, those that left their group are found by the mark. */
const GUARD = `
trap '' HUP INT QUIT TERM
groups=
while read -r group; do
  [ "$group" != done ] || exit 0
  groups="$groups $group"
done
marked() { grep -lsF -e "${MARK_NAME}=$1" -e "HOME=$1/" /proc/[0-9]*/environ; }
tell() {
  for group in $groups; do kill -s "$1" -- "-$group" 2>/dev/null && alive=1; done
  for file in $(marked "$2"); do
    pid=\${file#/proc/}
    kill -s "$1" "\${pid%/environ}" 2>/dev/null && alive=1
  done
}
tell TERM "$2"
seconds=0
while [ "$seconds" -lt "$1" ]; do
  alive=
  tell 0 "$2"
  [ -n "$alive" ] || break
  sleep 1
  seconds=$((seconds + 1))
done
tell KILL "$2"
[ -z "$3" ] || rm -rf -- "$3"
`;

export interface Guarded {
  timeoutMs: number;
  /** What they have as their variable of this name. */
  mark: string;
  /** A directory that goes with them. */
  throwAway?: string;
}

export class ProcessGuard {
  readonly #child: ChildProcessByStdio<Writable, null, null>;
  readonly #ended: Promise<unknown>;

  constructor({ timeoutMs, mark, throwAway = "" }: Guarded) {
    const seconds = String(Math.ceil(timeoutMs / 1000));
    this.#child = spawn("/bin/sh", ["-c", GUARD, "git-heroku-guard", seconds, mark, throwAway], {
      cwd: "/",
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#ended = once(this.#child, "close");
    this.#child.stdin.on("error", () => undefined);
  }

  /** Also of a group that will have ended by then. */
  watch(group: number): void {
    this.#child.stdin.write(`${String(group)}\n`);
  }

  /** Nothing is left to guard. */
  async dismiss(): Promise<void> {
    this.#child.stdin.end("done\n");
    await this.#ended;
  }
}
