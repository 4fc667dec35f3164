/** Which releases a bisection is about: those between its ends that can run at all. */
import type { Candidate } from "./bisect.ts";
import { AppError } from "./error.ts";
import { formatVersion, type Release } from "./release.ts";

/** A failed release never ran, and one without code cannot. */
export function isCandidate(release: Release): boolean {
  return release.status === "succeeded" && release.code !== undefined;
}

/** @throws AppError invalid_params when the two can be no good and bad end. */
export function checkEnds(good: Release, bad: Release): void {
  for (const [release, name] of [
    [good, "good"],
    [bad, "bad"],
  ] as const) {
    if (isCandidate(release)) continue;
    const why = release.status === "failed" ? "it is a failed release, which never ran" : "it has no code";
    throw refusal(`${formatVersion(release.version)} cannot be the ${name} end: ${why}.`);
  }
  const [older, newer] = [formatVersion(good.version), formatVersion(bad.version)];
  if (good.version === bad.version) throw refusal(`${older} cannot be good and bad at once.`);
  if (good.version > bad.version) {
    throw new AppError("invalid_params", `The good release ${older} is newer than the bad one, ${newer}.`, {
      hint: "Bisecting finds what made the app bad, so the good release must be the older one: git heroku releases:bisect vGood vBad -- COMMAND",
    });
  }
  if (good.tree === bad.tree) {
    throw refusal(`${newer} is an exact copy of ${older}: if one is good, so is the other.`);
  }
}

function refusal(message: string): AppError {
  return new AppError("invalid_params", message, {
    hint: "Name an older release that was good and a newer one that is bad; `git heroku releases` lists them.",
  });
}

/** Oldest first, of a list that is newest first. */
export function candidatesOf(newestFirst: readonly Release[]): Candidate[] {
  return newestFirst
    .filter(isCandidate)
    .map(({ version, tree }) => ({ version, tree }))
    .toReversed();
}
