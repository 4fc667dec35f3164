/** Whether anything of a slug was changed, added or removed since it was looked at first: names, kinds, sizes and times of all
 *  its files and of its layers'. That costs a few microseconds for each file and reads none, so it is for moments in which
 *  nobody waits; what a launch asks is the stamp (content-sum.ts). */
import { createHash, type Hash } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { layersOf } from "./layers.ts";
import { absent, writeSynced } from "./slug-files.ts";
import type { Slug } from "./slug-store.ts";

/** Beside the built code. */
const FILE = "census";
/** Files looked at between two turns of the event loop: less than a millisecond. */
const AT_ONCE = 50;

/** The first time it is what all later ones are compared with.
 *  @throws Error when a file goes meanwhile, or the signal aborts */
export async function isAsCounted(slug: Slug, signal: AbortSignal): Promise<boolean> {
  const known = await readFile(fileOf(slug), "utf8").catch(absent);
  const now = await takeCensus(slug, signal);
  if (known === undefined) await write(slug, now);
  return known === undefined || known === now;
}

/** It was read whole, and is right. */
export async function countAgain(slug: Slug, signal: AbortSignal): Promise<void> {
  await write(slug, await takeCensus(slug, signal));
}

function fileOf({ dir }: Slug): string {
  return join(dirname(dir), FILE);
}

async function write(slug: Slug, census: string): Promise<void> {
  const file = fileOf(slug);
  await writeSynced(`${file}.tmp`, census);
  await rename(`${file}.tmp`, file);
}

async function takeCensus(slug: Slug, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const layers = await layersOf(dirname(slug.dir));
  for (const { dir, key } of [{ dir: slug.dir, key: "" }, ...layers]) {
    hash.update(`${key}\0`);
    await count(hash, dir, signal);
  }
  return `${hash.digest("hex")}\n`;
}

async function count(hash: Hash, root: string, signal: AbortSignal): Promise<void> {
  let looked = 0;
  const waiting = [""];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const name of readdirSync(join(root, directory)).sort()) {
      const path = join(directory, name);
      const about = lstatSync(join(root, path));
      const size = about.isDirectory() ? "" : String(about.size);
      // Who may write changes when processes are given the code.
      hash.update(`${path}\0${String(about.mode & 0o170100)} ${size} ${String(about.mtimeMs)}\0`);
      if (about.isDirectory()) waiting.push(path);
      looked += 1;
      if (looked % AT_ONCE === 0) await nextTurn(undefined, { signal });
    }
  }
}
