/** rollback: appends a release that is an exact copy of an earlier one, code and config. History never moves back. */
import { AppError } from "../core/error.ts";
import { describeRollback, formatVersion, type Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { ensureSlug } from "./ensure-slug.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";

/** How far back a rollback without an argument looks, so that its cost does not grow with the ledger. */
const SEARCH_MAX = 200;

/** @param version the release to copy; without one, the newest good one before the current.
 *  @throws AppError not_found for an unknown release, invalid_params for one that cannot run. */
export async function rollback(
  platform: Platform,
  app: App,
  version: number | undefined,
  actor: Actor,
): Promise<Release> {
  // Before the ledger is asked: code that can be built no more must not become the current release.
  await ensureSlug(platform, app, await findTarget(app, version, await app.ledger.current()));
  const release = await app.ledger.append(async ({ current }) => {
    const target = await findTarget(app, version, current);
    if (current === undefined) throw nothingToRollBackTo(app);
    const from = await app.ledger.snapshot(target);
    // Add-ons are not rolled back: the services themselves would not follow (heroku-behaviour 2.2, 2.8).
    const { addonsJson } = await app.ledger.snapshot(current);
    return {
      change: "rollback",
      description: describeRollback(target.version),
      ...actor,
      status: "succeeded",
      code: target.code,
      snapshot: { ...from, addonsJson },
      rollbackTo: { version: target.version, oid: target.oid },
    };
  });
  if (release === undefined) throw new Error("a rollback always makes a release");
  app.logRelease(actor, release);
  await launch(platform, app, "launch");
  return release;
}

/** Whether `rollback` to this release would be accepted, for listings. */
export function isEligible(release: Release): boolean {
  return release.status === "succeeded" && release.code !== undefined;
}

async function findTarget(app: App, version: number | undefined, current: Release | undefined): Promise<Release> {
  if (current === undefined) throw nothingToRollBackTo(app);
  const target = version === undefined ? await previousGood(app, current) : await app.ledger.get(version);
  checkTarget(target, current);
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

async function previousGood(app: App, current: Release): Promise<Release> {
  const earlier = await app.ledger.list({ max: SEARCH_MAX, before: current.version });
  const target = earlier.find((release) => isEligible(release));
  if (target === undefined) throw nothingToRollBackTo(app);
  return target;
}

function nothingToRollBackTo(app: App): AppError {
  return new AppError("invalid_params", `No eligible release found for ${app.name} to roll back to.`, {
    hint: "There must be an earlier release with code; `git heroku releases` lists what there is.",
  });
}
