/** receive-push: what happens between `git push` and its answer. The build, the release and the branch are one
 *  decision: the push is accepted only once the release is on disk, else it is rejected with the reason. */
import { diskFull, isDiskFull } from "../core/disk-full.ts";
import { AppError } from "../core/error.ts";
import { describeDeploy, formatVersion, type Release } from "../core/release.ts";
import { formatProcfile, ONE_OFF_TYPE } from "../core/procfile.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Slug } from "../build/slug-store.ts";
import { DEPLOY_REFS } from "../ledger/deploy-branch.ts";
import { BuildCancelled, logBuild, recordBuild, type RecordedBuild } from "./ensure-slug.ts";
import { makeRelease, ReleaseFailed, waitingFor } from "./make-release.ts";
import { describeFirst, firstConfig } from "./buildpacks.ts";
import type { Build } from "./builds.ts";
import { launch } from "./launch.ts";
import { checkPass, NoLongerAllowed } from "./pass.ts";
import type { Platform } from "./platform.ts";

export const ZERO_OID = /^0+$/;
/** git's word for a branch that is not there. */
export const ZERO_COMMIT = "0".repeat(40);
export const BRANCH_PREFIX = "refs/heads/";
/** git's post-receive follows within milliseconds, and launches what was released (announce-push.ts). */
export const ANNOUNCE_PATIENCE_MS = 2_000;

export interface RefCommand {
  ref: string;
  old: string;
  new: string;
}

export type RefReport = { ref: string; ok: true } | { ref: string; ok: false; reason: string };

export interface Push {
  actor: Actor;
  commands: readonly RefCommand[];
  /** Shows text to the person who pushes, at once. */
  output(text: string): void;
  /** Aborts when the pusher has left. The push goes on all the same. */
  signal: AbortSignal;
  /** The record of its build, where that has begun before the push. */
  build?: Build;
}

export async function receivePush(platform: Platform, app: App, push: Push): Promise<RefReport[]> {
  const reports: RefReport[] = [];
  for (const command of push.commands) reports.push(await receiveCommand(platform, app, push, command));
  return reports;
}

async function receiveCommand(platform: Platform, app: App, push: Push, command: RefCommand): Promise<RefReport> {
  try {
    checkOpen(platform, app);
    await checkBranch(app, command);
    if (app.pushes.length > 0) sayWaiting(app, push);
    else app.runningBuild = { commit: command.new, email: push.actor.by.email };
    await app.pushes.run(() => deploy(platform, app, push, command));
    return { ref: command.ref, ok: true };
  } catch (error) {
    // What fails because the app is being closed under it is no fault of its own.
    const why =
      whyClosed(platform, app) ?? (isDiskFull(error) ? diskFull(error, "Push again when there is room.") : error);
    if (why instanceof NoLongerAllowed) {
      app.log("api", `Push of ${command.new.slice(0, 7)} by ${push.actor.by.email} ended: ${why.message}`);
    }
    return { ref: command.ref, ok: false, reason: rejection(platform, push, why) };
  }
}

/** What the person reads: the message and hint as error lines, and the same in short as git's reason. */
function rejection(platform: Platform, push: Push, error: unknown): string {
  if (!(error instanceof AppError)) {
    platform.journal.fault("push", error);
    push.output(" !     The platform failed; `git heroku server:logs` has the details.\n");
    return "internal error";
  }
  push.output(`\n !     ${error.message}\n`);
  if (error.hint !== undefined) push.output(` !     ${error.hint}\n`);
  push.output("\n");
  if (error instanceof PushRefused) return error.reason;
  if (error instanceof ReleaseFailed) return "release command failed";
  if (error instanceof BuildCancelled) return "build cancelled";
  if (error.id === "conflict") return "conflict";
  return error instanceof NoLongerAllowed ? "not allowed any more" : "build failed";
}

/** A refusal whose short form git itself shows: `! [remote rejected] main -> main (reason)`. */
class PushRefused extends AppError {
  readonly reason: string;

  constructor(reason: string, message: string, hint: string) {
    super("conflict", message, { hint });
    this.reason = reason;
  }
}

async function checkBranch(app: App, command: RefCommand): Promise<void> {
  const branch = command.ref.slice(BRANCH_PREFIX.length);
  if (ZERO_OID.test(command.new)) {
    throw new PushRefused(
      "deletion refused",
      `The deploy branch ${branch} cannot be deleted.`,
      "To take the app down use git heroku destroy, or git heroku scale web=0.",
    );
  }
  const deployed = await app.ledger.deployBranch();
  if (deployed === undefined ? DEPLOY_REFS.has(command.ref) : command.ref === deployed) return;
  const expected = (deployed ?? `${BRANCH_PREFIX}main`).slice(BRANCH_PREFIX.length);
  throw new PushRefused(
    `deploys from ${expected}`,
    `${app.name} deploys from the branch ${expected}.`,
    `Push it with: git push production ${branch}:${expected}`,
  );
}

function sayWaiting(app: App, push: Push): void {
  const { phase, runningBuild: build } = app;
  // A push that only now comes to wait says so of itself.
  if (phase !== undefined) push.output(`-----> ${waitingFor(phase)}\n`);
  if (build === undefined) return;
  push.output(`-----> waiting for the build of ${build.commit.slice(0, 7)} by ${build.email}\n`);
}

async function deploy(platform: Platform, app: App, push: Push, command: RefCommand): Promise<void> {
  app.runningBuild = { commit: command.new, email: push.actor.by.email };
  try {
    checkOpen(platform, app);
    await checkPass(push.actor);
    // Once more, after the pushes before this one.
    await checkBranch(app, command);
    await checkNotMoved(app, command);
    const code = await checkCommit(app, command);
    const built = await buildPushed(platform, app, push, command);
    app.runningBuild = undefined;
    const deployment = { platform, app, push, command };
    const release = await appendRelease(deployment, { codeTree: code.tree, built });
    void launchUnlessAnnounced(deployment, release);
  } finally {
    app.runningBuild = undefined;
  }
}

interface Deployment {
  platform: Platform;
  app: App;
  push: Push;
  command: RefCommand;
}

function warnOfType({ procfile }: Slug, show: (text: string) => void): void {
  if (!procfile.has(ONE_OFF_TYPE)) return;
  show(" !     The type run of the Procfile never runs by itself; start it with: git heroku run:detached run\n");
}

function buildPushed(platform: Platform, app: App, push: Push, command: RefCommand): Promise<RecordedBuild> {
  const actor: Actor = { ...push.actor, output: (text) => push.output(text) };
  const begin = push.build === undefined ? "-----> Heroku receiving push\n" : "";
  const asked = { commit: command.new, actor, begin, build: push.build };
  return logBuild(app, command.new, actor, () =>
    recordBuild(platform, app, asked, async (slug, show) => {
      warnOfType(slug, show);
      if (slug.first === undefined) return;
      if ((await app.ledger.current())?.code === undefined) show(describeFirst(slug.first));
    }),
  );
}

async function appendRelease(
  { platform, app, push, command }: Deployment,
  { codeTree, built }: { codeTree: string; built: RecordedBuild },
): Promise<Release> {
  const actor: Actor = { ...push.actor, output: (text) => push.output(text) };
  const { procfile, first } = built.slug;
  const release = await makeRelease(platform, app, { actor, built }, async ({ current }) => {
    checkOpen(platform, app);
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const snapshot = await app.ledger.snapshot(current);
    const isFirst = current.code === undefined && first !== undefined;
    const configEnv = isFirst ? await firstConfig(app, snapshot.configEnv, first) : snapshot.configEnv;
    return {
      change: "deploy",
      description: describeDeploy(command.new),
      code: command.new,
      snapshot: { ...snapshot, codeTree, procfile: formatProcfile(procfile), configEnv },
      deployRef: { ref: command.ref, old: oldOf(command), new: command.new },
    };
  });
  if (release === undefined) throw new Error("a deploy always makes a release");
  return release;
}

/** A post-receive that never comes (a git that was killed, a pusher's machine that went away) must not keep a release
 *  from running. */
async function launchUnlessAnnounced({ platform, app, push }: Deployment, release: Release): Promise<void> {
  if (!push.signal.aborted) await platform.clock.sleep(ANNOUNCE_PATIENCE_MS, app.ending);
  if (app.isEnding || app.launchedVersion >= release.version) return;
  platform.journal.note(`launching ${formatVersion(release.version)} of ${app.name}: git has not announced it`);
  await launch(platform, app, "launch");
}

/** An app that was destroyed, or closed with the platform, takes no release any more. */
function checkOpen(platform: Platform, app: App): void {
  const closed = whyClosed(platform, app);
  if (closed !== undefined) throw closed;
}

function whyClosed(platform: Platform, app: App): PushRefused | undefined {
  if (platform.closing.aborted) {
    return new PushRefused("platform stopping", "The platform is stopping.", "Push again when it is back.");
  }
  if (app.renamedTo !== undefined) {
    return new PushRefused("app renamed", `${app.name} is being renamed to ${app.renamedTo}.`, "Push again.");
  }
  if (!app.isEnding) return undefined;
  return new PushRefused("app destroyed", `${app.name} was destroyed.`, "Create it again to deploy.");
}

/** The value that git told the pusher; none when the branch is new. */
function oldOf(command: RefCommand): string | undefined {
  return ZERO_OID.test(command.old) ? undefined : command.old;
}

/** A branch holds commits; git itself does not check that where the platform decides. */
async function checkCommit(app: App, command: RefCommand): Promise<{ tree: string }> {
  const code = await app.ledger.resolveCommit(command.new);
  if (code?.oid === command.new) return code;
  const branch = command.ref.slice(BRANCH_PREFIX.length);
  throw new PushRefused(
    "not a commit",
    `${command.new.slice(0, 7)} is not a commit.`,
    `Push the commit that a tag stands for: git push production TAG^{commit}:${branch}`,
  );
}

/** git told the pusher an old value; when another push moved the branch since, that push must be seen first. */
async function checkNotMoved(app: App, command: RefCommand): Promise<void> {
  if ((await app.ledger.ref(command.ref)) === oldOf(command)) return;
  throw new PushRefused(
    "branch moved",
    `${command.ref.slice(BRANCH_PREFIX.length)} moved while this push was waiting.`,
    "Fetch, look at what was deployed, and push again.",
  );
}
