/** releases:diff: what differs between two releases: commits, files, dependencies, config, process types, add-ons.
 *  Values of config vars stay out of it. Computed anew each time, by git processes that run side by side. */
import { parseAddons } from "../core/addons-json.ts";
import { compareLockFiles, isLockFile } from "../core/dependency-changes.ts";
import type { ConfigDifference } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { compareMaps, type EntryChange } from "../core/map-changes.ts";
import { parseProcfile } from "../core/procfile.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { CodeCommit } from "../ledger/code-commits.ts";
import type { Code, CommitsBetween, FileChange } from "../ledger/code-diff.ts";
import { compareConfigLines } from "../ledger/config-lines.ts";
import type { App } from "./app.ts";

export type { CodeCommit, FileChange };

export interface ReleaseDiff {
  base: Release;
  release: Release;
  commits: CommitsBetween;
  files: FileChange[];
  lockFiles: LockFileDiff[];
  config: ConfigDifference;
  processTypes: EntryChange[];
  addons: EntryChange[];
}

export interface LockFileDiff {
  path: string;
  status: FileChange["status"];
  changes: EntryChange[];
  /** Why there are no changes to tell, in a few words. */
  problem: string | undefined;
}

/** A parser must not keep the daemon busy for longer than some tens of milliseconds. */
const LOCK_FILE_BYTES_MAX = 4 * 1024 * 1024;
/** A repository of many packages may have a lock file in each. */
const LOCK_FILES_MAX = 20;
const PATCH_BYTES_MAX = 256 * 1024 * 1024;

/** @throws AppError unavailable when config vars must be compared whose key is lost. */
export async function diffReleases(app: App, base: Release, release: Release): Promise<ReleaseDiff> {
  const { history } = app.ledger;
  history.prepare();
  const [before, after] = await Promise.all([app.ledger.snapshot(base), app.ledger.snapshot(release)]);
  const [from, to] = [codeOf(base, before.codeTree), codeOf(release, after.codeTree)];
  const files = history.changedFiles(from, to);
  const [commits, lockFiles, config] = await Promise.all([
    history.commitsBetween(from, to),
    files.then((changed) => diffLockFiles(app, changed)),
    compareConfigLines(app.cipher, before.configEnv, after.configEnv),
  ]);
  return {
    base,
    release,
    commits,
    files: await files,
    lockFiles,
    config,
    processTypes: compareMaps(parseProcfile(before.procfile ?? ""), parseProcfile(after.procfile ?? "")),
    addons: compareMaps(parseAddons(before.addonsJson), parseAddons(after.addonsJson)),
  };
}

/** The code alone, as `git diff` prints it. */
export async function patchBetween(
  app: App,
  base: Release,
  release: Release,
  colours: boolean,
): Promise<AsyncGenerator<Buffer>> {
  const [before, after] = await Promise.all([app.ledger.snapshot(base), app.ledger.snapshot(release)]);
  const sides = [codeOf(base, before.codeTree), codeOf(release, after.codeTree)] as const;
  return app.ledger.history.patch(sides, { colours, bytesMax: PATCH_BYTES_MAX });
}

/** The newest release before this one that ran.
 *  @throws AppError not_found when there is none. */
export async function succeededBefore(app: App, { version }: Release): Promise<Release> {
  for (let earlier = version - 1; earlier >= 1; earlier -= 1) {
    const release = await app.ledger.get(earlier);
    if (release.status === "succeeded") return release;
  }
  throw new AppError("not_found", `There is no release before ${formatVersion(version)} to compare it with.`, {
    hint: "Name two releases: git heroku releases:diff v1 v2",
  });
}

function codeOf({ code }: Release, tree: string | undefined): Code {
  return { commit: code, tree };
}

function diffLockFiles(app: App, files: readonly FileChange[]): Promise<LockFileDiff[]> {
  const lockFiles = files.filter(({ path }) => isLockFile(path));
  return Promise.all(lockFiles.map((file, index) => diffLockFile(app, file, index < LOCK_FILES_MAX)));
}

async function diffLockFile(app: App, file: FileChange, isWanted: boolean): Promise<LockFileDiff> {
  const { path, status } = file;
  const without = (problem: string): LockFileDiff => ({ path, status, changes: [], problem });
  if (!isWanted) return without("too many lock files");
  const read = async (oid: string | undefined): Promise<string | undefined> =>
    oid === undefined ? "" : app.ledger.history.text(oid, LOCK_FILE_BYTES_MAX);
  const [before, after] = await Promise.all([read(file.before), read(file.after)]);
  if (before === undefined || after === undefined) return without("too large to compare");
  try {
    return { path, status, changes: compareLockFiles(path, before, after), problem: undefined };
  } catch (error) {
    if (error instanceof AppError) return without("cannot be read");
    throw error;
  }
}
