/** The ledger as this clone has fetched it: where the remote's `releases` are kept here, and what git's configuration
 *  says about them. Works offline; an app's own repository and a mirror of one have a ledger as well. */
import { basename } from "node:path";
import { AppError } from "../core/error.ts";
import { chooseLedgerRemote, type AppChoice } from "./find-app.ts";
import { runGit, type Place } from "./git.ts";
import { displayUrl, type Remote } from "./remotes.ts";

export interface LedgerView {
  /** Absolute. */
  gitDir: string;
  /** The app, or else the remote's name or this repository's. */
  name: string;
  /** Undefined in a repository that is the app's own, or a copy without a remote. */
  remote: string | undefined;
  /** `refs/remotes/production/releases`, or `refs/heads/releases` in a mirror. */
  ref: string;
  /** The newest release that was fetched. */
  head: string;
  /** The newest commit of the state, in a mirror. */
  state: string | undefined;
  /** Whether a fetch may write below `refs/heroku`, as that of a mirror does. */
  isMirror: boolean;
  /** The history may be cut off here. */
  isShallow: boolean;
  /** Objects may have been left out here. */
  isFiltered: boolean;
}

const RELEASES = "refs/heads/releases";
const STATE = "refs/heroku/state";
/** Without a remote, the refs are where they are. */
const OWN = ["refs/*:refs/*"];

/** @throws AppError not_found when this clone has no such ledger, or has not fetched it. */
export function viewLedger(place: Place, home: string, choice: AppChoice): LedgerView {
  const settings = readSettings(place);
  const remote = chooseLedgerRemote(place, home, choice, settings.get("core.bare")?.[0] === "true");
  const specs = remote === undefined ? OWN : (settings.get(`remote.${remote.name}.fetch`) ?? []);
  const found = readHeads(place, specs);
  if (found === undefined) throw notFetched(remote);
  const repository = readRepository(place);
  return {
    ...repository,
    ...found,
    name: nameOf(remote) ?? basename(repository.gitDir, ".git"),
    remote: remote?.name,
    isMirror: remote !== undefined && mapRef(specs, "refs/heroku/seen/x") !== undefined,
    isFiltered: [...settings.keys()].some((key) => /^extensions\.partialclone$|\.promisor$/.test(key)),
  };
}

function nameOf(remote: Remote | undefined): string | undefined {
  return remote?.target?.app ?? remote?.name;
}

function readHeads(place: Place, specs: readonly string[]): Pick<LedgerView, "ref" | "head" | "state"> | undefined {
  const [ref, stateRef] = [mapRef(specs, RELEASES), mapRef(specs, STATE)];
  if (ref === undefined) return undefined;
  const refs = readRefs(place, [ref, stateRef]);
  const head = refs.get(ref);
  return head === undefined ? undefined : { ref, head, state: refs.get(stateRef ?? "") };
}

function readRepository(place: Place): { gitDir: string; isShallow: boolean } {
  const { stdout } = runGit(place, ["rev-parse", "--absolute-git-dir", "--is-shallow-repository"]);
  const [gitDir = "", isShallow] = stdout.trim().split("\n");
  return { gitDir, isShallow: isShallow === "true" };
}

/** Asks the remote for what is new.
 *  @param otherwise what to do without.
 *  @throws AppError bad_request with git's own words. */
export function fetchLedger(place: Place, home: string, choice: AppChoice, otherwise: string): void {
  const remote = chooseLedgerRemote(place, home, choice, false);
  if (remote === undefined) return;
  const result = runGit(place, ["fetch", "--quiet", remote.name]);
  if (result.status === 0) return;
  throw new AppError(
    "bad_request",
    `git fetch ${remote.name} failed: ${result.stderr.trim().split("\n", 1)[0] ?? ""}`,
    {
      hint: `${otherwise} The remote leads to ${displayUrl(remote)}.`,
    },
  );
}

/** Key in lower case, but for the remote's name → its values. */
function readSettings(place: Place): Map<string, string[]> {
  const wanted = "^(remote\\..*\\.(fetch|promisor)|extensions\\.partialclone|core\\.bare)$";
  const settings = new Map<string, string[]>();
  for (const entry of runGit(place, ["config", "-z", "--get-regexp", wanted]).stdout.split("\0")) {
    const end = entry.indexOf("\n");
    if (end > 0)
      settings.set(entry.slice(0, end), [...(settings.get(entry.slice(0, end)) ?? []), entry.slice(end + 1)]);
  }
  return settings;
}

/** Where a fetch with these refspecs puts a ref of the remote. */
function mapRef(specs: readonly string[], ref: string): string | undefined {
  for (const spec of specs) {
    const [, from = "", to = ""] = /^\+?([^:^]+):(.+)$/.exec(spec) ?? [];
    if (from === ref) return to;
    const [start = "", end] = from.split("*");
    if (end === undefined || !ref.startsWith(start) || !ref.endsWith(end)) continue;
    return to.replace("*", () => ref.slice(start.length, ref.length - end.length));
  }
  return undefined;
}

function readRefs(place: Place, names: readonly (string | undefined)[]): Map<string, string> {
  const wanted = names.filter((name) => name !== undefined);
  const { stdout } = runGit(place, ["for-each-ref", "--format=%(objectname) %(refname)", ...wanted]);
  const pairs = stdout
    .trim()
    .split("\n")
    .map((line): [string, string] => [line.slice(41), line.slice(0, 40)]);
  return new Map(wanted.length === 0 ? [] : pairs);
}

function notFetched(remote: Remote | undefined): AppError {
  if (remote === undefined) {
    return new AppError("not_found", "This repository has no ledger: there is no branch releases in it.", {
      hint: "Run the command in a clone of your app, or ask the platform with --server --app NAME.",
    });
  }
  return new AppError("not_found", `This clone has not fetched the ledger of ${remote.name} yet.`, {
    hint: `Fetch it with \`git fetch ${remote.name}\`, or let \`git heroku releases:verify --fetch\` do so.`,
  });
}
