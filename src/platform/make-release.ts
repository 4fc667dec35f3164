/** make-release: every release after the first is made here, one at a time for each app. One with a release command comes
 *  about only when that has ended: succeeded, or failed, which never runs (devcenter.heroku.com/articles/release-phase). */
import { AppError } from "../core/error.ts";
import { parseProcfile, RELEASE_TYPE } from "../core/procfile.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { Slug } from "../build/slug-store.ts";
import type { Base } from "../ledger/ledger.ts";
import type { NewRelease } from "../ledger/release-writer.ts";
import type { Actor } from "./actor.ts";
import type { App, RunningPhase } from "./app.ts";
import { rememberBuild } from "./build-memory.ts";
import type { RecordedBuild } from "./ensure-slug.ts";
import { loadSnapshot } from "./launch.ts";
import { asFailed, settleLostRelease, type PendingRelease } from "./pending-release.ts";
import { checkPass, NoLongerAllowed } from "./pass.ts";
import type { Platform } from "./platform.ts";
import { describeFailure, runReleaseCommand } from "./release-phase.ts";
import { openReleaseOutput } from "./release-output.ts";
import { holdRequests } from "./route.ts";

/** How a release comes about. */
export interface Making {
  actor: Actor;
  /** What was built for it. */
  built?: RecordedBuild | undefined;
  /** The slug it runs on, or the version whose slug that is, where it is neither the current one nor the target of a rollback. */
  slugOf?: number | Slug;
  /** For what changes nothing that the command could see. */
  skipsPhase?: boolean;
}

/** What a release is to be; who asked and how it ended is added to it. */
export type ReleasePlan = Omit<NewRelease, "by" | "via" | "askedAt" | "status">;
type Plan = (base: Base) => Promise<ReleasePlan | undefined>;

/** @returns undefined when the plan makes no release.
 *  @throws ReleaseFailed when the release command has failed: the release is recorded and never runs. */
export function makeRelease(platform: Platform, app: App, making: Making, plan: Plan): Promise<Release | undefined> {
  if (app.phase !== undefined) making.actor.output?.(`-----> ${waitingFor(app.phase)}\n`);
  return app.releases.run(async () => {
    checkOpen(app);
    await settleLostRelease(platform, app);
    const before = await app.ledger.current();
    const release = await makeNext(platform, app, making, plan);
    if (release?.code !== undefined && before?.code === undefined) await holdRequests(platform, app);
    return release;
  });
}

async function makeNext(platform: Platform, app: App, making: Making, plan: Plan): Promise<Release | undefined> {
  const { actor } = making;
  let phased: Planned | undefined;
  const release = await app.ledger.append(async (base) => {
    await checkPass(actor);
    const planned = await plan(base);
    if (planned === undefined) return undefined;
    await settleSlug(app, making, planned, base);
    const { by, via } = actor;
    const asked: NewRelease = { ...planned, by, via, status: "succeeded" };
    const command = making.skipsPhase === true ? undefined : releaseCommand(asked);
    if (command === undefined) return asked;
    phased = { asked, command, base };
    return undefined;
  });
  if (phased !== undefined) return new PhasedRelease(platform, app, making).make(phased);
  if (release === undefined) return undefined;
  app.logRelease(actor, release);
  app.tell({ entity: "api:release", release });
  if (making.built !== undefined) {
    const { build } = making.built;
    openReleaseOutput(platform, app, release.version, build.output.text).end();
    build.released(release.version);
  }
  return release;
}

/** `waiting for the release phase of v5 by ned@foobazco.com` */
export function waitingFor({ version, asked }: RunningPhase): string {
  return `waiting for the release phase of ${formatVersion(version)} by ${asked.by.email}`;
}

/** The release command failed: that release is in the ledger, and never runs. */
export class ReleaseFailed extends AppError {
  readonly release: Release;

  constructor(release: Release, reason: string, running: Release | undefined) {
    const name = formatVersion(release.version);
    const rest = running?.code === undefined ? "" : `; ${formatVersion(running.version)} runs on`;
    super("release_failed", `Release command failed: ${reason}. ${name} was not deployed${rest}.`, {
      hint: `See its output with \`git heroku releases:output ${name}\`.`,
    });
    this.release = release;
  }
}

interface Planned {
  asked: NewRelease;
  command: string;
  base: Base;
}

/** What it runs on is known before it is made, so that no crash leaves it with the slug of another one. */
async function settleSlug(
  app: App,
  { built, slugOf }: Making,
  { code, rollbackTo }: ReleasePlan,
  base: Base,
): Promise<void> {
  const from = built?.slug ?? slugOf ?? rollbackTo?.version ?? base.current?.version;
  if (code !== undefined && from !== undefined) await rememberBuild(app, versionAfter(base), from);
}

function versionAfter({ head }: Base): number {
  return (head?.version ?? 0) + 1;
}

function releaseCommand({ code, snapshot }: NewRelease): string | undefined {
  return code === undefined ? undefined : parseProcfile(snapshot.procfile ?? "").get(RELEASE_TYPE);
}

function checkOpen(app: App): void {
  if (!app.isEnding) return;
  throw new AppError("unavailable", `${app.name} is being closed; nothing was released.`, {
    hint: "Try again when the platform is back.",
  });
}

/** Undefined when who asked still may. */
async function whyNoLonger(actor: Actor): Promise<string | undefined> {
  try {
    await checkPass(actor);
    return undefined;
  } catch (error) {
    if (!(error instanceof NoLongerAllowed)) throw error;
    return error.message.replace(/\.$/, "");
  }
}

/** One release that waits for its command. What it is to be is on disk before that begins, so that a daemon that dies
 *  meanwhile leaves a failed release and nothing else. */
class PhasedRelease {
  readonly #platform: Platform;
  readonly #app: App;
  readonly #making: Making;

  constructor(platform: Platform, app: App, making: Making) {
    this.#platform = platform;
    this.#app = app;
    this.#making = making;
  }

  async make({ asked, command, base }: Planned): Promise<Release> {
    const app = this.#app;
    const { actor } = this.#making;
    // git keeps whole seconds, and the command is to see the time that the release will have.
    const askedAt = Math.floor(this.#platform.clock.now() / 1000) * 1000;
    const pending = { version: versionAfter(base), asked: { ...asked, askedAt } };
    const cargo = await loadSnapshot(this.#platform, app, { ...pending, ...pending.asked, createdAt: askedAt });
    const output = openReleaseOutput(this.#platform, app, pending.version, this.#making.built?.build.output.text);
    this.#making.built?.build.released(pending.version);
    app.phase = { ...pending, output };
    try {
      await app.pendingRelease.write(pending);
      app.logChange(actor, asked.description);
      app.logChange(actor, `Running release ${formatVersion(pending.version)} commands`);
      const show = (text: string): void => {
        output.write(text);
        actor.output?.(text);
      };
      const end = await runReleaseCommand({
        platform: this.#platform,
        app,
        version: pending.version,
        command,
        cargo,
        show,
        actor,
      });
      return await this.#record(pending, base, (await whyNoLonger(actor)) ?? describeFailure(app, end));
    } finally {
      app.phase = undefined;
      output.end();
      // Whatever went wrong above: this version has failed. Does nothing when it is recorded.
      await settleLostRelease(this.#platform, app);
    }
  }

  async #record(pending: PendingRelease, base: Base, failure: string | undefined): Promise<Release> {
    const app = this.#app;
    const asked = failure === undefined ? pending.asked : asFailed(pending.asked);
    const release = await app.ledger.append(async ({ head }) => {
      if (head?.oid !== base.head?.oid) throw new Error(`${formatVersion(pending.version)} was made by somebody else`);
      return asked;
    });
    if (release === undefined) throw new Error("a release that was planned is always made");
    app.tell({ entity: "api:release", release });
    if (failure === undefined) {
      app.logChange(this.#making.actor, `Release ${formatVersion(release.version)} created`);
      return release;
    }
    app.logFailedRelease(release.version, failure);
    throw new ReleaseFailed(release, failure, base.current);
  }
}
