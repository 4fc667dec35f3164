/** Every ref of a repository. Replacements are passed over: the platform never follows them, and nothing else in a
 *  repository may depend on them. */
import type { Refs } from "./bundle-format.ts";
import { runGit, type Repository } from "./git-process.ts";

export const REPLACEMENTS = "refs/replace/";

export async function readRefs(repository: Repository): Promise<Refs> {
  const text = await runGit(repository, ["for-each-ref", "--format=%(objectname) %(refname)"]);
  const lines = text.split("\n").filter((line) => line !== "");
  const refs = lines.map((line): [string, string] => [line.slice(41), line.slice(0, 40)]);
  return new Map(refs.filter(([name]) => !name.startsWith(REPLACEMENTS)));
}
