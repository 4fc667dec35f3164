/** How the person wants git's output shown: through which pager, and whether in colour. Asked only at a terminal. */
import { runGit, type Place } from "./git.ts";

/** What git would run: `$GIT_PAGER`, `core.pager`, `$PAGER`, else less; undefined for none. */
export function findPager(place: Place): string | undefined {
  const { status, stdout } = runGit(place, ["var", "GIT_PAGER"]);
  const pager = status === 0 ? stdout.trim() : "";
  return pager === "" || pager === "cat" ? undefined : pager;
}

/** `color.diff`, else `color.ui`, else yes. */
export function wantsColours(place: Place): boolean {
  const { status, stdout } = runGit(place, ["config", "--get-colorbool", "color.diff", "true"]);
  return status !== 0 || stdout.trim() !== "false";
}
