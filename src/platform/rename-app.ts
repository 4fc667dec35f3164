/** rename: another name for an app. Its directories and keys move; at the old places are links from then on, so that
 *  existing clones, processes and addresses go on. The old name stays the app's until the app is destroyed or has it back.
 *  What the files say is the truth: a link `repos/OLD.git` is a former name. */
import { lstatSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAppName, parseAppName, type AppName } from "../core/app-name.ts";
import { AppError } from "../core/error.ts";
import { isTemporary, readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { exists, type Home } from "./home.ts";
import { launch } from "./launch.ts";
import { nameTaken, sweepLinks } from "./former-names.ts";
import type { Platform } from "./platform.ts";

/** What is to be done, on disk before anything is: whoever finds it brings it to its end. */
interface Renaming {
  from: AppName;
  to: AppName;
  /** The address of who asked. */
  by: string;
}

/** One that a killed daemon left. */
interface FoundRenaming extends Renaming {
  /** Why it is still not done: its app cannot be opened. */
  error: unknown;
}

const NOTE = ".renaming-";

/** Resolves when the app is open again under its new name. Its processes run on, with the old one in HEROKU_APP_NAME until
 *  they are restarted. No release is made.
 *  @throws AppError invalid_params when the name is malformed, taken or the app's own, conflict when something is under way
 *  that would be lost. Nothing was done then. */
export async function renameApp(platform: Platform, app: App, wanted: string, actor: Actor): Promise<App> {
  const to = parseAppName(wanted);
  if (to === app.name) throw new AppError("invalid_params", `The app is called ${to} already.`);
  const isFormer = platform.formerNames.current(to) === app.name;
  if (!isFormer) platform.reserve(to);
  try {
    await checkPlaces(platform.home, to, isFormer);
    await checkIdle(platform, app);
    app.renamedTo = to;
    const renaming = { from: app.name, to, by: actor.by.email };
    await note(platform.home, renaming).catch((error: unknown) => {
      app.renamedTo = undefined;
      throw error;
    });
    return await move(platform, app, renaming);
  } finally {
    if (!isFormer) platform.unreserve(to);
  }
}

async function checkPlaces(home: Home, to: AppName, isFormer: boolean): Promise<void> {
  if (isFormer) return;
  // A repository that is not open, or what an app was that is gone.
  if ((await exists(home.repo(to))) || (await exists(home.app(to)))) throw nameTaken(to);
  for (const path of [home.configKeys(to), home.ledgerKeyBefore(to)]) {
    if (!(await exists(path))) continue;
    throw new AppError("conflict", `There is another key already: ${path}`, {
      hint: "No app uses it. Move it away, then rename again, or choose another name.",
    });
  }
}

async function checkIdle(platform: Platform, app: App): Promise<void> {
  await platform.knowsProcesses(app);
  const attached = (await platform.runtime.list(app.name)).find(
    (one) => one.attached === true && one.phase !== "exited",
  );
  if (app.pushes.length > 0 || app.archives.length > 0) throw busy(app, "is being built");
  if (app.phase !== undefined) throw busy(app, "runs its release command");
  if (attached !== undefined) throw busy(app, `has somebody attached to ${attached.ps}`);
  // Another rename was quicker, or the platform stops.
  if (app.isEnding || app.renamedTo !== undefined) throw new AppError("unavailable", `${app.name} is being closed.`);
}

function busy({ name }: App, what: string): AppError {
  return new AppError("conflict", `${name} ${what}, so it cannot be renamed now.`, {
    hint: "Rename it when that is over; `git heroku ps` and `git heroku builds` list what is under way.",
  });
}

/** The app closes as it does when the platform restarts, and opens under the other name. The router goes on by what it
 *  knows, until the new name has taken over everything. */
async function move(platform: Platform, app: App, renaming: Renaming): Promise<App> {
  const { from, to } = renaming;
  try {
    await app.close({ stopApps: false });
    await finish(platform.home, renaming);
    platform.runtime.renameApp(from, to);
    const renamed = await platform.openApp(to);
    await platform.formerNames.read();
    platform.forget(app);
    await settle(platform, renamed, renaming);
    renamed.started = launch(platform, renamed, "start").then(() => renamed.formation.adopted());
    await Promise.all([renamed.started, renamed.oneOffs.adopted()]);
    await renamed.formation.looked();
    await renamed.routings.drained();
    return renamed;
  } catch (error) {
    platform.journal.fault(`renaming ${from} to ${to}`, error);
    platform.forget(app, platform.isTaken(to) ? undefined : error);
    throw new AppError("unavailable", `The renaming of ${from} to ${to} was begun, but could not be finished.`, {
      hint: "The next start of the platform finishes it: git heroku server:restart",
      cause: error,
    });
  }
}

/** Said in the log under the new name, perhaps twice if the daemon is killed now, but never not at all. */
async function settle(platform: Platform, app: App, { from, to, by }: Renaming): Promise<void> {
  app.log("api", `Rename app from ${from} to ${to} by ${by}`);
  await app.logs.flushed();
  await rm(notePath(platform.home, from), { force: true });
  await syncDirectory(platform.home.repos);
}

/** At start, before any app is opened: every renaming that was killed is brought to its end, and links of apps that are
 *  gone are removed. */
export async function finishRenamings(home: Home): Promise<FoundRenaming[]> {
  const renamings: FoundRenaming[] = [];
  for (const name of await readdir(home.repos)) {
    // A note that was not finished: nothing was done.
    if (isTemporary(name)) await rm(join(home.repos, name), { force: true });
    if (!name.startsWith(NOTE)) continue;
    const renaming = parse(await readIfThere(join(home.repos, name)));
    if (renaming === undefined) continue;
    const error = await finish(home, renaming).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    renamings.push({ ...renaming, error });
  }
  // What could not be finished may still need them.
  if (renamings.every(({ error }) => error === undefined)) await sweepLinks(home);
  return renamings;
}

/** Names of the apps that cannot be opened as they are between two names, with why. */
export function stuckNames(renamings: readonly FoundRenaming[]): Map<string, unknown> {
  const stuck = new Map<string, unknown>();
  for (const { from, to, error } of renamings) if (error !== undefined) stuck.set(from, error).set(to, error);
  return stuck;
}

/** Once its app is open. */
export async function settleRenaming(platform: Platform, renaming: Renaming): Promise<void> {
  const app = platform.find(renaming.to);
  if (app?.name === renaming.to) await settle(platform, app, renaming);
}

/** Each step is done or has been done. Two names of one directory change without a turn of the event loop between them, since
 *  a process may write by the old one. */
async function finish(home: Home, { from, to }: Renaming): Promise<void> {
  moveIfThere(home.configKeys(from), home.configKeys(to));
  moveIfThere(home.ledgerKeyBefore(from), home.ledgerKeyBefore(to));
  await syncDirectory(home.keys);
  moveDirectory(home.apps, from, to);
  await syncDirectory(home.apps);
  moveDirectory(home.repos, `${from}.git`, `${to}.git`);
  await syncDirectory(home.repos);
}

function moveIfThere(from: string, to: string): void {
  if (kindOf(from) === "other") renameSync(from, to);
}

/** Leaves a link, and takes away the one that is at the new place when an app gets a name back. */
function moveDirectory(parent: string, from: string, to: string): void {
  const [before, now] = [join(parent, from), join(parent, to)];
  if (kindOf(before) === "other") {
    if (kindOf(now) === "link") unlinkSync(now);
    renameSync(before, now);
  }
  if (kindOf(before) === "none" && kindOf(now) === "other") symlinkSync(to, before);
}

function kindOf(path: string): "link" | "other" | "none" {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return "none";
  return stats.isSymbolicLink() ? "link" : "other";
}

async function note(home: Home, renaming: Renaming): Promise<void> {
  await writeDurably(notePath(home, renaming.from), `${JSON.stringify(renaming)}\n`, 0o600);
  await syncDirectory(home.repos);
}

function notePath(home: Home, from: AppName): string {
  return join(home.repos, NOTE + from);
}

/** Undefined where it is not ours. */
function parse(text: string | undefined): Renaming | undefined {
  try {
    const { from, to, by } = JSON.parse(text ?? "") as Record<string, unknown>;
    const isWhole = typeof from === "string" && typeof to === "string" && typeof by === "string";
    return isWhole && isAppName(from) && isAppName(to) ? { from, to, by } : undefined;
  } catch {
    return undefined;
  }
}
