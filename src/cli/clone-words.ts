/** What the commands that connect a clone have to say about it. */
import { hasReleasesBranch, isShallow } from "../clone/connect-app.ts";
import type { Place } from "../clone/git.ts";
import type { Terminal } from "./terminal.ts";

/** Tells what will get in the way of a push or of reading the ledger. */
export function warnOfTraps(out: Terminal, place: Place, remote: string): void {
  if (hasReleasesBranch(place)) {
    out.warn(
      `This clone has a branch called releases, which hides the ledger ${remote}/releases and cannot be pushed.`,
    );
    out.warn("Rename it: git branch -m releases my-releases");
  }
  if (isShallow(place)) {
    out.warn("This clone is shallow: without its history it cannot be pushed to an app.");
    out.warn("Fetch the rest first: git fetch --unshallow");
  }
}
