/** rollback: appends a release that is an exact copy of an earlier one, code and config. History never moves back. */
import { AppError } from "../core/error.ts";
import type { Mark, Marks } from "../core/marks.ts";
import { describeRollback, formatVersion, type Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { ensureSlug } from "./ensure-slug.ts";
import { makeRelease, type ReleasePlan } from "./make-release.ts";
import { launch } from "./launch.ts";
import { marksOf } from "./marks.ts";
import type { Platform } from "./platform.ts";

/** How many releases a rollback without an argument looks at, not counting those that are marked bad, so that its cost
 *  does not grow with the ledger. */
const SEARCH_MAX = 200;

/** The release that was made, and what the marks had to do with it. */
export interface Rollback extends Release {
  /** Releases that would have been chosen were they not marked bad, newest first. */
  skipped: Mark[];
  /** The mark of the release that was copied, when somebody asked for one that is marked. */
  targetMark: Mark | undefined;
}

/** Releases read at a time. */
const PAGE = 50;

interface Target {
  release: Release;
  skipped: Mark[];
}

/** @param version the release to copy; without one, the newest good one before the current.
 *  @throws AppError not_found for an unknown release, invalid_params for one that cannot run, ReleaseFailed when the
 *  release command did not succeed: then everything stays as it is. */
export async function rollback(
  platform: Platform,
  app: App,
  version: number | undefined,
  actor: Actor,
): Promise<Rollback> {
  // Before the ledger is asked: code that can be built no more must not become the current release.
  await ensureSlug(platform, app, (await findTarget(app, version, await app.ledger.current())).release, actor.output);
  let skipped: Mark[] = [];
  const release = await makeRelease(platform, app, { actor }, async ({ current }) => {
    const found = await findTarget(app, version, current);
    const target = found.release;
    ({ skipped } = found);
    if (current === undefined) throw nothingToRollBackTo(app);
    return copyOf(app, target, current);
  });
  if (release === undefined) throw new Error("a rollback always makes a release");
  await launch(platform, app, "launch");
  return { ...release, skipped, targetMark: (await marksOf(app)).get(release.rollbackTo?.version ?? 0) };
}

/** The release that a rollback is. */
export async function copyOf(app: App, target: Release, current: Release): Promise<ReleasePlan> {
  const from = await app.ledger.snapshot(target);
  // Add-ons are not rolled back: the services themselves would not follow (heroku-behaviour 2.2, 2.8).
  const { addonsJson } = await app.ledger.snapshot(current);
  return {
    change: "rollback",
    description: describeRollback(target.version),
    code: target.code,
    snapshot: { ...from, addonsJson },
    rollbackTo: { version: target.version, oid: target.oid },
  };
}

/** Whether `rollback` to this release would be accepted, for listings. */
export function isEligible(release: Release): boolean {
  return release.status === "succeeded" && release.code !== undefined;
}

async function findTarget(app: App, version: number | undefined, current: Release | undefined): Promise<Target> {
  if (current === undefined) throw nothingToRollBackTo(app);
  const target =
    version === undefined
      ? await previousGood(app, current, await marksOf(app))
      : { release: await app.ledger.get(version), skipped: [] };
  checkTarget(target.release, current);
  return target;
}

function checkTarget(target: Release, current: Release): void {
  const name = formatVersion(target.version);
  if (target.version === current.version) {
    throw new AppError("invalid_params", `${name} is the current release.`, {
      hint: "Roll back to an earlier one; `git heroku releases` lists them.",
    });
  }
  if (target.status === "failed") {
    throw new AppError("invalid_params", `Cannot roll back to ${name}: it is a failed release.`, {
      hint: "Choose a release that succeeded; `git heroku releases` lists them.",
    });
  }
  if (target.code === undefined) {
    throw new AppError("invalid_params", `Cannot roll back to ${name}: it has no code.`, {
      hint: "Choose a release made by a deploy or after one.",
    });
  }
}

async function previousGood(app: App, current: Release, marks: Marks): Promise<Target> {
  const skipped: Mark[] = [];
  let left = SEARCH_MAX;
  let before = current.version;
  while (before > 1 && left > 0) {
    const page = await app.ledger.list({ max: PAGE, before });
    for (const release of page) {
      const mark = marks.get(release.version);
      if (!isEligible(release)) left -= 1;
      else if (mark === undefined) return { release, skipped };
      else skipped.push(mark);
    }
    before -= PAGE;
  }
  throw nothingToRollBackTo(app, skipped);
}

function nothingToRollBackTo(app: App, skipped: readonly Mark[] = []): AppError {
  const isMarked = skipped.length > 0;
  return new AppError("invalid_params", `No eligible release found for ${app.name} to roll back to.`, {
    hint: isMarked
      ? `${describeMarked(skipped)} marked bad: name one to return to it all the same, or clear its mark.`
      : "There must be an earlier release with code; `git heroku releases` lists what there is.",
  });
}

function describeMarked(skipped: readonly Mark[]): string {
  const [first, ...others] = skipped.map(({ version }) => formatVersion(version));
  return others.length === 0 ? `${first ?? ""} is` : `${first ?? ""} and ${String(others.length)} more are`;
}
