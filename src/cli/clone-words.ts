/** What the commands that connect a clone have to say about it. */
import type { Terminal } from "./terminal.ts";

export function warnOfReleasesBranch(out: Terminal, remote: string): void {
  out.warn(`This clone has a branch called releases, which hides the ledger ${remote}/releases and cannot be pushed.`);
  out.warn("Rename it: git branch -m releases my-releases");
}
