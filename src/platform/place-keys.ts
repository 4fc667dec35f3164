/** Puts the keys of a restored app into `keys/` before its repository appears, so that no moment knows the one without
 *  the other. A note beside them says which were put there: if this process dies before the repository is there, the
 *  next start takes them away again. Files that were there before are never touched. */
import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { isAppName, type AppName } from "../core/app-name.ts";
import { AppError } from "../core/error.ts";
import { createDurably, isTemporary, readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";
import { exists, type Home } from "./home.ts";

const NOTE = ".restoring-";

/** @param files path in `keys/` → text.
 *  @throws AppError conflict when another file is in the way; then nothing was put there. */
export async function placeKeys(home: Home, app: AppName, files: ReadonlyMap<string, string>): Promise<void> {
  const fresh: string[] = [];
  for (const [path, text] of files) {
    const there = await readIfThere(path);
    if (there === undefined) fresh.push(path);
    else if (there !== text) throw inTheWay(path);
  }
  await writeDurably(notePath(home, app), JSON.stringify(fresh.map((path) => basename(path))), 0o600);
  await syncDirectory(home.keys);
  for (const path of fresh) await createDurably(path, files.get(path) ?? "", 0o600);
}

/** After the repository has appeared, or was given up: the keys of an app that is not there go. */
export async function settleKeys(home: Home, app: AppName): Promise<void> {
  const note = await readIfThere(notePath(home, app));
  if (note === undefined) return;
  if (!(await exists(home.repo(app)))) {
    for (const name of JSON.parse(note) as string[]) await rm(join(home.keys, name), { force: true });
  }
  await rm(notePath(home, app), { force: true });
}

/** At start: for every restore that was killed. A key that was not finished must not stay under any name. */
export async function settleAllKeys(home: Home): Promise<void> {
  for (const name of await readdir(home.keys)) {
    if (isTemporary(name)) await rm(join(home.keys, name), { force: true });
    const app = name.startsWith(NOTE) ? name.slice(NOTE.length) : "";
    if (isAppName(app)) await settleKeys(home, app);
  }
}

function notePath(home: Home, app: AppName): string {
  return join(home.keys, NOTE + app);
}

function inTheWay(path: string): AppError {
  return new AppError("conflict", `There is another key already: ${path}`, {
    hint: "No app uses it. Move it away, then restore again, or choose another name with --name NAME.",
  });
}
