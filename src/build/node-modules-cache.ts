/** Installed node_modules trees of an app, kept by everything that decides what npm would install. A kept tree is
 *  shared by hard links only where nothing will run in it any more; a script that rewrites a file in place would
 *  otherwise change every slug that shares it. */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, rename, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { absent, remove } from "./slug-store.ts";

/** Trees kept for one app, the last used ones. */
const KEPT_MAX = 3;

export type Copy = (from: string, to: string, mode: "link" | "copy") => Promise<void>;

export class NodeModulesCache {
  readonly #dir: string;
  readonly #entry: string;
  readonly #copy: Copy;

  constructor(cacheDir: string, facts: readonly string[], copy: Copy) {
    this.#dir = join(cacheDir, "node_modules");
    const key = createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 32);
    this.#entry = join(this.#dir, key);
    this.#copy = copy;
  }

  /** Puts the kept tree into the app's directory; false when there is none. */
  async restore(appDir: string, mode: "link" | "copy"): Promise<boolean> {
    if ((await stat(this.#entry).catch(absent)) === undefined) return false;
    const now = new Date();
    await utimes(this.#entry, now, now);
    await this.#copy(join(this.#entry, "node_modules"), join(appDir, "node_modules"), mode);
    if (mode === "link") await unshare(join(appDir, "node_modules", ".package-lock.json"));
    return true;
  }

  /** Keeps the app's node_modules, complete or not at all. */
  async keep(appDir: string, mode: "link" | "copy"): Promise<void> {
    const source = join(appDir, "node_modules");
    if ((await stat(source).catch(absent)) === undefined) return;
    const unfinished = `${this.#entry}.new`;
    await remove(unfinished);
    await mkdir(unfinished, { recursive: true });
    await this.#copy(source, join(unfinished, "node_modules"), mode);
    await remove(this.#entry);
    await rename(unfinished, this.#entry);
    await this.#forgetOld();
  }

  async #forgetOld(): Promise<void> {
    const entries = await Promise.all(
      (await readdir(this.#dir)).map(async (name) => {
        const path = join(this.#dir, name);
        return { path, usedAt: (await stat(path)).mtimeMs };
      }),
    );
    const old = entries.sort((a, b) => b.usedAt - a.usedAt).slice(KEPT_MAX);
    for (const { path } of old) await remove(path);
  }
}

/** npm rewrites this file of its own in place. */
async function unshare(file: string): Promise<void> {
  if ((await stat(file).catch(absent)) === undefined) return;
  await copyFile(file, `${file}.own`);
  await rename(`${file}.own`, file);
}
