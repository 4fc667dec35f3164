/** What follows when the web processes of a release come up, or do not: it is written down, said in the log with what to
 *  do, and with the setting `auto-rollback` done by the platform itself: once for a release, and never to a rollback. */
import { AppError } from "../core/error.ts";
import { PLATFORM_PERSON } from "../core/person.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { StandIn, WebHealth } from "../formation/web-health.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { ensureSlug } from "./ensure-slug.ts";
import { launch } from "./launch.ts";
import { makeRelease } from "./make-release.ts";
import { marksOf } from "./marks.ts";
import type { Platform } from "./platform.ts";
import { copyOf, isEligible } from "./rollback.ts";

const PLATFORM_ACTOR: Actor = { by: PLATFORM_PERSON, via: "platform" };

/** Resolves when all is done that follows from it, with the release that it was rolled back by. Never rejects. */
export async function meetWebHealth(platform: Platform, app: App, health: WebHealth): Promise<Release | undefined> {
  try {
    if (health.verdict === "healthy") await app.healthy.note(health.release);
    else return await meetUnhealthy(platform, app, health);
  } catch (error) {
    if (!app.isEnding) platform.journal.fault(`looking after the web processes of ${app.name}`, error);
  }
  return undefined;
}

async function meetUnhealthy(platform: Platform, app: App, health: WebHealth): Promise<Release | undefined> {
  const { standIn } = health;
  if (standIn?.serves === true) await app.healthy.note(standIn.release);
  const healthy = await app.healthy.version();
  // It has been up, in the days of an earlier daemon.
  if (healthy >= health.release) return undefined;
  const { settings } = await app.state();
  // What comes of an older one that is on its way decides whether there is a way back.
  const isOpen = standIn?.serves === false;
  const rollback = settings.autoRollback && !isOpen ? await findRollback(app, health.release, healthy) : undefined;
  tellUnhealthy(app, health, rollback === undefined ? `; ${ROLLBACK_ADVICE}` : "");
  return rollback === undefined ? undefined : rollBack(platform, app, health.release, rollback);
}

function tellUnhealthy(app: App, health: WebHealth, advice: string): void {
  const { ps, release, standIn } = health;
  if (ps === undefined || standIn === undefined) return;
  const msg = `${describeUnhealthy(health)}; ${describeStandIn(standIn)}${advice}`;
  app.logs.append({ ps, source: "heroku", level: "error", release, msg });
}

export const ROLLBACK_ADVICE = "roll back with: git heroku rollback";

/** `web.1 of v74 exited with status 1 before it was up` */
export function describeUnhealthy({ ps = "web", failure, release }: WebHealth): string {
  const name = `${ps} of ${formatVersion(release)}`;
  if (failure === undefined) return `${name} was never up`;
  return failure.startsWith("exited") ? `${name} ${failure} before it was up` : `${name} ${failure}`;
}

/** `v73 serves on` */
export function describeStandIn({ release, serves }: StandIn): string {
  return `${formatVersion(release)} ${serves ? "serves on" : "is still starting"}`;
}

/** Undefined when there is no way back that is known to be a good one. */
async function findRollback(app: App, failed: number, healthy: number): Promise<Release | undefined> {
  const reason = await whyNot(app, failed, healthy);
  if (reason === undefined) return app.ledger.get(healthy);
  app.log("api", `${formatVersion(failed)} is not rolled back automatically: ${reason}`);
  return undefined;
}

async function whyNot(app: App, failed: number, healthy: number): Promise<string | undefined> {
  if ((await app.ledger.get(failed)).change === "rollback") return "it is a rollback itself";
  if (await wasTried(app, failed)) return "that was tried once";
  if (healthy === 0) return "no release before it is known to have been up";
  if ((await marksOf(app)).has(healthy)) return `${formatVersion(healthy)} is marked bad`;
  return isEligible(await app.ledger.get(healthy)) ? undefined : `${formatVersion(healthy)} cannot run`;
}

/** Releases after the newest that succeeded have failed, an automatic rollback among them perhaps. */
async function wasTried(app: App, failed: number): Promise<boolean> {
  const head = await app.ledger.head();
  const later = await app.ledger.list({ max: Math.max(1, (head?.version ?? 0) - failed) });
  return later.some((one) => one.version > failed && one.change === "rollback" && one.via === PLATFORM_ACTOR.via);
}

/** A daemon that dies before the release is made leaves the formation as it is: crashed, which the next one notices. */
async function rollBack(platform: Platform, app: App, failed: number, target: Release): Promise<Release | undefined> {
  try {
    await ensureSlug(platform, app, target);
    const release = await makeRelease(platform, app, { actor: PLATFORM_ACTOR }, async ({ current }) =>
      // Somebody was quicker, with a rollback or a fix.
      current?.version === failed && !(await wasTried(app, failed)) ? copyOf(app, target, current) : undefined,
    );
    if (release !== undefined) await launch(platform, app, "launch");
    return release;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (!app.isEnding)
      app.log("api", `${formatVersion(failed)} could not be rolled back automatically: ${error.message}`);
    return undefined;
  }
}
