/** One release out of the ledger that this clone has fetched, and its code for a build. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { AppError } from "../core/error.ts";
import { scanProcfile, type Procfile } from "../core/procfile.ts";
import { formatVersion } from "../core/release.ts";
import type { AppChoice } from "./find-app.ts";
import { demandGit, runGit, type Place } from "./git.ts";
import { fetchLedger, viewLedger, type LedgerView } from "./ledger-view.ts";

export interface FetchedRelease {
  version: number;
  /** `Deploy 20a5742`. */
  description: string;
  /** The deployed commit, and its tree. */
  commit: string;
  tree: string;
  /** The process types that the release has. */
  procfile: Procfile;
}

/** Looks in the ledger as it was fetched, and fetches it when it does not reach so far.
 *  @throws AppError not_found when there is no such release or it has no code, bad_request when the fetch fails. */
export function findFetchedRelease(place: Place, home: string, choice: AppChoice, version: number): FetchedRelease {
  const known = lookFor(place, home, choice);
  if (known !== undefined && known.newest >= version) return readRelease(place, known, version);
  fetchLedger(place, home, choice, "The code of a release comes out of the ledger.");
  const view = viewLedger(place, home, choice);
  const fetched = { view, newest: newestVersion(place, view) };
  if (fetched.newest >= version) return readRelease(place, fetched, version);
  throw new AppError("not_found", `${view.name} has no release ${formatVersion(version)}.`, {
    hint: `The newest is ${formatVersion(fetched.newest)}.`,
  });
}

interface Known {
  view: LedgerView;
  newest: number;
}

function lookFor(place: Place, home: string, choice: AppChoice): Known | undefined {
  try {
    const view = viewLedger(place, home, choice);
    return { view, newest: newestVersion(place, view) };
  } catch (error) {
    if (error instanceof AppError && error.id === "not_found") return undefined;
    throw error;
  }
}

function newestVersion(place: Place, { head }: LedgerView): number {
  return Number(/^v([0-9]+): /.exec(runGit(place, ["log", "-1", "--format=%s", head]).stdout)?.[1] ?? 0);
}

/** Versions have no gap: each is as many first parents away as the numbers say. */
function readRelease(place: Place, { view, newest }: Known, version: number): FetchedRelease {
  const name = formatVersion(version);
  const commit = `${view.head}~${String(newest - version)}`;
  const { status, stdout } = runGit(place, ["log", "-1", "--format=%H %P%n%s", commit]);
  const [oids = "", subject = ""] = stdout.split("\n");
  if (status !== 0 || !subject.startsWith(`${name}: `)) throw notReached(view, name);
  const [release = "", , code] = oids.split(" ");
  if (code === undefined) {
    throw new AppError("not_found", `${name} has no code: nothing was deployed yet.`, {
      hint: "`git heroku releases` lists the releases.",
    });
  }
  const tree = runGit(place, ["rev-parse", "--verify", "--quiet", `${release}:code`]);
  const procfile = runGit(place, ["cat-file", "blob", `${release}:Procfile`]);
  if (tree.status !== 0 || procfile.status !== 0) throw notReached(view, name);
  const description = subject.slice(name.length + 2);
  return { version, description, commit: code, tree: tree.stdout.trim(), procfile: scanProcfile(procfile.stdout) };
}

function notReached({ isShallow, isFiltered }: LedgerView, name: string): AppError {
  return new AppError("unavailable", `This clone's ledger does not reach ${name}.`, {
    hint: isShallow
      ? "Fetch the rest with `git fetch --unshallow`."
      : isFiltered
        ? "Fetch it with `git fetch --refetch --no-filter`."
        : "`git heroku releases:verify` says what is wrong with it.",
  });
}

/** A bare repository that reads the clone's objects: what is done with it changes nothing in the clone. */
export function borrowObjects(place: Place, path: string): void {
  const { stdout } = runGit(place, ["rev-parse", "--git-path", "objects"]);
  demandGit(place, ["init", "--quiet", "--bare", "--template=", path]);
  mkdirSync(join(path, "objects", "info"), { recursive: true });
  writeFileSync(join(path, "objects", "info", "alternates"), `${resolve(place.cwd, stdout.replace(/\n$/, ""))}\n`);
}
