/** One file of somebody else's repository, by a clone of its newest commit that goes at once. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { runGit, type Place } from "./git.ts";

const GIT_URL = /^(?:https?|git|ssh|git\+ssh|file):\/\/[^\s]+$/;
const SCP_LIKE = /^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^\s]+$/;

export function isGitUrl(text: string): boolean {
  return GIT_URL.test(text) || SCP_LIKE.test(text);
}

/** @param url with `#branch` or `#tag` behind it, if not the repository's own
 *  @returns undefined when the repository has no such file
 *  @throws AppError bad_request with git's own words */
export function readClonedFile(place: Place, url: string, path: string): Buffer | undefined {
  const [address = "", ref] = url.split("#");
  const directory = mkdtempSync(join(tmpdir(), "git-heroku-"));
  try {
    const branch = ref === undefined || ref === "" ? [] : [`--branch=${ref}`];
    // Nobody is asked for a password: what is not public needs a key or a credential helper.
    const quiet = { ...place, env: { ...place.env, GIT_TERMINAL_PROMPT: "0" } };
    const words = ["clone", "-q", "--depth=1", "--no-tags", ...branch, "--", address, join(directory, "code")];
    const { status, stderr } = runGit(quiet, words);
    if (status !== 0) {
      throw new AppError("bad_request", `${address} could not be cloned: ${reasonIn(stderr)}`, {
        hint: "Check the address and the branch; or clone it yourself and name the directory.",
      });
    }
    return readFileSync(join(directory, "code", path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Behind the line that tells the reason git gives advice of its own. */
function reasonIn(stderr: string): string {
  const lines = stderr.trim().split("\n");
  return (lines.find((line) => line.startsWith("fatal: ")) ?? lines.at(-1) ?? "").replace(/^fatal: |\.$/g, "") + ".";
}
