/** What came of a release before it ran: the output of its build and of its release command, kept in `output/vN.txt` of the
 *  app, for the newest releases. */
import { existsSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { formatVersion } from "../core/release.ts";
import type { App } from "./app.ts";
import { KeptOutput, readKeptOutput } from "./kept-output.ts";
import type { Platform } from "./platform.ts";

/** Releases whose output is kept, and a few more: the directory is looked at once in a while. */
const KEPT_MAX = 200;
const RELEASES_BETWEEN_LOOKS = 20;
const NAME = /^v([1-9][0-9]{0,8})\.txt$/;

/** The versions that have some, of apps that were asked for them: every listing asks, and nobody but the functions here makes
 *  or removes one. */
const known = new WeakMap<App, Set<number>>();

/** @param begun what was printed before its version was known. */
export function openReleaseOutput(platform: Platform, app: App, version: number, begun = ""): KeptOutput {
  const output = new KeptOutput(join(directoryOf(app), `${formatVersion(version)}.txt`));
  output.write(begun);
  if (output.isStored) known.get(app)?.add(version);
  if (version % RELEASES_BETWEEN_LOOKS === 0) {
    forgetOld(app).catch((error: unknown) => platform.journal.fault(`removing old output of ${app.name}`, error));
  }
  return output;
}

/** What there is, then what comes. Undefined when a release printed nothing, or it is no longer kept. */
export async function followReleaseOutput(
  app: App,
  version: number,
  signal: AbortSignal,
): Promise<AsyncIterable<string> | undefined> {
  if (app.phase?.version === version) return app.phase.output.follow(signal);
  const text = await readKeptOutput(join(directoryOf(app), `${formatVersion(version)}.txt`));
  return text === undefined || text === "" ? undefined : once(text);
}

async function* once(text: string): AsyncGenerator<string, void, undefined> {
  yield text;
}

/** The versions that have some. The first time it looks, in one turn, so that none is made meanwhile. */
export function versionsWithOutput(app: App): ReadonlySet<number> {
  let versions = known.get(app);
  if (versions === undefined) known.set(app, (versions = new Set(versionsIn(directoryOf(app)))));
  return versions;
}

function directoryOf(app: App): string {
  return join(app.dir, "output");
}

function versionsIn(directory: string): number[] {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
}

async function forgetOld(app: App): Promise<void> {
  const directory = directoryOf(app);
  const old = versionsIn(directory)
    .sort((a, b) => b - a)
    .slice(KEPT_MAX);
  for (const version of old) {
    known.get(app)?.delete(version);
    await rm(join(directory, `${formatVersion(version)}.txt`), { force: true });
  }
}
