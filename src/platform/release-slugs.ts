/** The slug of a release as Heroku's clients name it: by an id that is made of the commit's. */
import { AppError } from "../core/error.ts";
import type { Release } from "../core/release.ts";
import { idOfObject, type App } from "./app.ts";

/** Releases that are looked at, so that the answer does not grow with the ledger. */
const SEARCH_MAX = 1000;

/** Of each the newest release that runs it, newest first. */
async function deployedCode(app: App): Promise<Release[]> {
  const seen = new Map<string, Release>();
  for (const release of await app.ledger.list({ max: SEARCH_MAX })) {
    if (release.code !== undefined && !seen.has(release.code)) seen.set(release.code, release);
  }
  return [...seen.values()];
}

/** @param id as releases and builds name a slug
 *  @throws AppError not_found */
export async function findReleaseOfSlug(app: App, id: string): Promise<Release> {
  const found = (await deployedCode(app)).find(({ code }) => code !== undefined && idOfObject(code) === id);
  if (found !== undefined) return found;
  throw new AppError("not_found", "Couldn't find that slug.", {
    hint: "A release names its slug by its id: `git heroku releases --json`.",
    resource: "slug",
  });
}
