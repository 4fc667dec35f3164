/** The work tree that a command is run in. */
import { runGit, type Place } from "./git.ts";

/** Undefined outside of one. */
export function findTopLevel(place: Place): string | undefined {
  const { status, stdout } = runGit(place, ["rev-parse", "--show-toplevel"]);
  const path = stdout.replace(/\n$/, "");
  return status === 0 && path !== "" ? path : undefined;
}
