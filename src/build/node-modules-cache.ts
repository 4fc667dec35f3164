/** Installed node_modules trees of an app, kept by everything that decides what npm would install, for builds whose scripts
 *  run among them and may change them. Where nothing does, a layer is used (layers.ts). */
import { lstat, lutimes, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { absent, remove } from "./slug-files.ts";

/** Trees kept for one app, the last used ones. */
const KEPT_MAX = 3;

/** Of a build. */
export interface Hands {
  /** Runs a program, which throws when it fails. */
  run(command: string, ...args: string[]): Promise<void>;
  /** Lets programs write to a directory that was made for them. */
  give(dir: string): Promise<void>;
}

export class NodeModulesCache {
  readonly #dir: string;
  readonly #entry: string;
  readonly #hands: Hands;

  constructor(cacheDir: string, key: string, hands: Hands) {
    this.#dir = join(cacheDir, "node_modules");
    this.#entry = join(this.#dir, key);
    this.#hands = hands;
  }

  /** Puts the kept tree into the app's directory; false when there is none. */
  async restore(appDir: string): Promise<boolean> {
    if ((await lstat(this.#entry).catch(absent)) === undefined) return false;
    const now = new Date();
    await lutimes(this.#entry, now, now);
    await this.#hands.run("cp", "-a", join(this.#entry, "node_modules"), join(appDir, "node_modules"));
    return true;
  }

  /** Keeps the app's node_modules, complete or not at all. */
  async keep(appDir: string): Promise<void> {
    const source = join(appDir, "node_modules");
    if ((await lstat(source).catch(absent)) === undefined) return;
    const unfinished = `${this.#entry}.new`;
    await remove(unfinished);
    await mkdir(unfinished, { recursive: true });
    await this.#hands.give(unfinished);
    await this.#hands.run("cp", "-a", source, join(unfinished, "node_modules"));
    await remove(this.#entry);
    await rename(unfinished, this.#entry);
    await this.#forgetOld();
  }

  async #forgetOld(): Promise<void> {
    const entries = await Promise.all(
      (await readdir(this.#dir)).map(async (name) => {
        const path = join(this.#dir, name);
        return { path, usedAt: (await lstat(path)).mtimeMs };
      }),
    );
    const old = entries.sort((a, b) => b.usedAt - a.usedAt).slice(KEPT_MAX);
    for (const { path } of old) await remove(path);
  }
}
