/** destroy: stops every process and moves all of an app to `trash/<app>-<time>/`, where it is kept for 7 days, or to
 *  `trash/.purging-<app>/`, which is deleted at once. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAppName, type AppName } from "../core/app-name.ts";
import { syncDirectory } from "../ledger/durable-file.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { exists, type Home } from "./home.ts";
import type { Journal } from "./journal.ts";
import type { Platform } from "./platform.ts";

const TRASH_KEPT_MS = 7 * 24 * 3_600_000;

/** The repository moves first: from then on the app does not exist, and the next start of the daemon finishes what a
 *  crash left (`sweepRemains`). A crash before that leaves the app as it was. */
export async function destroyApp(
  platform: Platform,
  app: App,
  actor: Actor,
  { purge = false }: { purge?: boolean } = {},
): Promise<void> {
  const former = platform.formerNames.of(app.name);
  app.end();
  app.logChange(actor, "Destroy app");
  for (const name of [app.name, ...former]) await platform.router.removeApp(name);
  try {
    await app.close({ stopApps: true });
    const trash = purge
      ? await freshPurge(platform.home, app.name)
      : await freshTrash(platform.home, app.name, platform.clock.now());
    await moveInto(trash, platform.home, app.name);
    await platform.formerNames.remove(former);
    if (purge) await rm(trash, { recursive: true, force: true });
    platform.forget(app);
    platform.journal.note(`destroyed ${app.name}, ${purge ? "for good" : `kept in ${trash}`}`);
  } catch (error) {
    platform.forget(app, error);
    throw error;
  }
  // A daemon may run for years without a start.
  await emptyTrash(platform.home, platform.clock.now()).catch((error: unknown) =>
    platform.journal.fault("emptying the trash", error),
  );
}

/** What is moved already stays where it is. */
async function moveInto(trash: string, home: Home, name: AppName): Promise<void> {
  await moveIfThere(home.repo(name), join(trash, "repo.git"));
  await syncDirectory(home.repos);
  await moveIfThere(home.configKeys(name), join(trash, `${name}.keys`));
  await moveIfThere(home.ledgerKeyBefore(name), join(trash, `${name}.ledger-key`));
  await moveIfThere(join(home.app(name), "logs"), join(trash, "logs"));
  await rm(home.app(name), { recursive: true, force: true });
}

/** Whatever is in such a directory is on its way out, whoever finds it. */
const PURGING = ".purging-";

async function freshPurge(home: Home, name: AppName): Promise<string> {
  const path = join(home.trash, PURGING + name);
  // Of an app of that name before this one.
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { mode: 0o700 });
  return path;
}

/** Two apps of one name can be destroyed within a second. */
async function freshTrash(home: Home, name: AppName, now: number): Promise<string> {
  const stamp = new Date(now).toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  for (let n = 1; ; n += 1) {
    const path = join(home.trash, `${name}-${stamp}${n === 1 ? "" : `-${String(n)}`}`);
    try {
      await mkdir(path, { mode: 0o700 });
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

/** At start: finishes a `destroy` that was killed, and removes for good what has been in the trash for a week. A key
 *  file alone, left by a `create` that was killed, stays: the next `create` of that name takes it.
 *  @param spared by name: what must stay, as its app is being renamed */
export async function sweepRemains(
  home: Home,
  now: number,
  journal: Journal,
  spared: ReadonlyMap<string, unknown> = new Map(),
): Promise<void> {
  const repos = new Set(await readdir(home.repos));
  for (const name of await readdir(home.apps)) {
    // Only what this platform made is its to clear.
    if (!isAppName(name) || repos.has(`${name}.git`) || spared.has(name)) continue;
    const trash = (await unfinishedTrash(home, name)) ?? (await freshTrash(home, name, now));
    await moveInto(trash, home, name);
    journal.note(`${name} has no repository: what was left of it is in ${trash}`);
  }
  await finishPurges(home);
  await emptyTrash(home, now);
}

async function finishPurges({ trash }: Home): Promise<void> {
  const dirs = (await readdir(trash)).filter((name) => name.startsWith(PURGING));
  for (const dir of dirs) await rm(join(trash, dir), { recursive: true, force: true });
}

const TRASH_NAME = /^(.+)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(-\d+)?$/;

/** Where the killed `destroy` put the repository: what belongs to one app stays together. */
async function unfinishedTrash(home: Home, name: AppName): Promise<string | undefined> {
  const purge = join(home.trash, PURGING + name);
  if (await exists(purge)) return purge;
  const trash = (await trashOf(home, name)).at(-1);
  if (trash === undefined) return undefined;
  const [there, keyHere, logsHere] = await Promise.all([
    readdir(trash),
    exists(home.configKeys(name)),
    exists(join(home.app(name), "logs")),
  ]);
  const isTaken = (keyHere && there.includes(`${name}.keys`)) || (logsHere && there.includes("logs"));
  return there.includes("repo.git") && !isTaken ? trash : undefined;
}

/** The directories of destroyed apps of this name, the last one destroyed last. */
export async function trashOf(home: Home, name: string): Promise<string[]> {
  const dirs = (await readdir(home.trash)).filter((dir) => TRASH_NAME.exec(dir)?.[1] === name).sort();
  return dirs.map((dir) => join(home.trash, dir));
}

async function emptyTrash(home: Home, now: number): Promise<void> {
  for (const name of await readdir(home.trash)) {
    const stamp = TRASH_NAME.exec(name);
    if (!stamp) continue;
    const [year, month, day, hour, minute, second] = stamp.slice(2, 8).map(Number);
    const at = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
    if (now - at > TRASH_KEPT_MS) await rm(join(home.trash, name), { recursive: true, force: true });
  }
}
