/** destroy: stops every process and moves all of an app to `trash/<app>-<time>/`, where it is kept for 7 days. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AppName } from "../core/app-name.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Home } from "./home.ts";
import type { Platform } from "./platform.ts";

const TRASH_KEPT_MS = 7 * 24 * 3_600_000;

/** The repository moves last-but-first: once it is gone from `repos/` the app does not exist, and a start of the
 *  daemon finishes what a crash left (`sweepRemains`). */
export async function destroyApp(platform: Platform, app: App, actor: Actor): Promise<void> {
  app.end();
  app.logChange(actor, "Destroy app");
  platform.router.removeApp(app.name);
  await Promise.all([app.pushes.drained(), app.launches.drained()]);
  await app.formation.shutdown({ stopApps: true });
  await app.logs.close();
  await app.ledger.close();
  const trash = await moveToTrash(platform.home, app.name, platform.clock.now());
  platform.forget(app);
  platform.journal.note(`destroyed ${app.name}, kept in ${trash}`);
}

async function moveToTrash(home: Home, name: AppName, now: number): Promise<string> {
  const stamp = new Date(now).toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  const trash = await freshDirectory(join(home.trash, `${name}-${stamp}`));
  await moveIfThere(home.repo(name), join(trash, "repo.git"));
  await moveIfThere(home.configKeys(name), join(trash, `${name}.keys`));
  await moveIfThere(join(home.app(name), "logs"), join(trash, "logs"));
  await rm(home.app(name), { recursive: true, force: true });
  return trash;
}

/** Two apps of one name can be destroyed within a second. */
async function freshDirectory(path: string): Promise<string> {
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? path : `${path}-${String(n)}`;
    try {
      await mkdir(candidate, { mode: 0o700 });
      return candidate;
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

/** At start: what a killed `create` or `destroy` left without a repository goes to the trash too, and what has been
 *  in the trash for a week goes for good. */
export async function sweepRemains(home: Home, now: number): Promise<void> {
  const repos = new Set((await readdir(home.repos)).map((dir) => dir.replace(/\.git$/, "")));
  for (const name of await readdir(home.apps)) {
    if (!repos.has(name)) await moveToTrash(home, name as AppName, now);
  }
  for (const name of await readdir(home.trash)) {
    const stamp = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(-\d+)?$/.exec(name);
    if (!stamp) continue;
    const [, year, month, day, hour, minute, second] = stamp.map(Number);
    const at = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
    if (now - at > TRASH_KEPT_MS) await rm(join(home.trash, name), { recursive: true, force: true });
  }
}
