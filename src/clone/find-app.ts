/** Which app a command is about: `--app`, else `--remote`, else the clone's remotes: `production` first, then `heroku`,
 *  then the only one that points to this platform. */
import { parseAppName, type AppName } from "../core/app-name.ts";
import { AppError } from "../core/error.ts";
import { displayPlatform } from "../core/platform-address.ts";
import type { Place } from "./git.ts";
import { displayUrl, isRepository, otherPlatform, pointsTo, readRemotes, type Remote } from "./remotes.ts";

export interface AppChoice {
  app?: string | undefined;
  remote?: string | undefined;
}

/** The remote that `create` adds unless told otherwise. */
export const DEFAULT_REMOTE = "production";
export const PREFERRED = [DEFAULT_REMOTE, "heroku"];

/** @throws AppError not_found that says what is missing and what to type. */
export function findApp(place: Place, home: string, choice: AppChoice): AppName {
  if (choice.app !== undefined) return parseAppName(choice.app);
  const remotes = readRemotes(place);
  const remote =
    choice.remote === undefined ? chooseRemote(place, home, remotes) : namedRemote(place, remotes, choice.remote);
  if (remote.target === undefined || !pointsTo(remote, home)) throw notThisPlatform(remote, home);
  return parseAppName(remote.target.app);
}

/** The remote of this clone by which the app is reached, or the usual name where there is none. */
export function remoteOf(place: Place, home: string, app: AppName): string {
  const names = readRemotes(place)
    .filter((remote) => pointsTo(remote, home) && remote.target?.app === app)
    .map((remote) => remote.name);
  return PREFERRED.find((name) => names.includes(name)) ?? names[0] ?? DEFAULT_REMOTE;
}

function chooseRemote(place: Place, home: string, remotes: Remote[]): Remote {
  const ours = remotes.filter((remote) => pointsTo(remote, home));
  for (const name of PREFERRED) {
    const preferred = ours.find((remote) => remote.name === name);
    if (preferred !== undefined) return preferred;
  }
  const [only, ...others] = ours;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined) throw severalApps(ours);
  throw isRepository(place) ? noApp(remotes, home) : outsideClone();
}

/** The remote whose ledger is meant, also where its platform is out of reach or another one; undefined in a bare
 *  repository without such a remote, whose own ledger it then is.
 *  @throws AppError not_found */
export function chooseLedgerRemote(place: Place, home: string, choice: AppChoice, isBare: boolean): Remote | undefined {
  const all = readRemotes(place);
  const app = choice.app === undefined ? undefined : parseAppName(choice.app);
  if (choice.remote !== undefined) return checkedRemote(namedRemote(place, all, choice.remote), app);
  const remotes = all.filter(({ target }) => target !== undefined && (app === undefined || target.app === app));
  if (remotes.some((remote) => pointsTo(remote, home))) return chooseRemote(place, home, remotes);
  if (remotes.length > 0) return preferredRemote(remotes);
  if (isBare && app === undefined) return undefined;
  throw isRepository(place) ? noApp(all, home) : outsideClone();
}

function preferredRemote(remotes: Remote[]): Remote {
  const [preferred] = PREFERRED.flatMap((name) => remotes.filter((remote) => remote.name === name));
  const [only] = remotes;
  if (preferred !== undefined) return preferred;
  if (only !== undefined && remotes.length === 1) return only;
  throw severalApps(remotes);
}

function checkedRemote(remote: Remote, app: AppName | undefined): Remote {
  if (app === undefined || remote.target?.app === app) return remote;
  throw new AppError("not_found", `The remote ${remote.name} (${displayUrl(remote)}) is not the app ${app}.`, {
    hint: "Name either the remote or the app.",
  });
}

function namedRemote(place: Place, remotes: Remote[], name: string): Remote {
  const remote = remotes.find((candidate) => candidate.name === name);
  if (remote !== undefined) return remote;
  if (!isRepository(place)) throw outsideClone();
  const known = remotes.map((candidate) => candidate.name).join(", ");
  throw new AppError("not_found", `This clone has no remote called ${name}.`, {
    hint: known === "" ? "It has no remotes; add one with `git heroku remote --app NAME`." : `It has: ${known}.`,
  });
}

function outsideClone(): AppError {
  return new AppError("not_found", "No app specified, and this directory is not inside a git clone.", {
    hint: "Run the command in a clone of your app, or name the app with --app NAME.",
  });
}

function severalApps(remotes: Remote[]): AppError {
  const list = remotes.map((remote) => `${remote.name} (${remote.target?.app ?? ""})`).join(", ");
  return new AppError("not_found", `This clone has several apps: ${list}.`, { hint: "Choose one with --remote NAME." });
}

function noApp(remotes: Remote[], home: string): AppError {
  const meant = remotes.find((remote) => PREFERRED.includes(remote.name));
  if (meant !== undefined) return notThisPlatform(meant, home);
  return new AppError("not_found", "None of this clone's remotes points to the platform.", {
    hint: "Make an app with `git heroku create`, or connect to one with `git heroku remote --app NAME`.",
  });
}

function notThisPlatform(remote: Remote, home: string): AppError {
  const other = otherPlatform(remote, home);
  const message = `The remote ${remote.name} (${displayUrl(remote)}) does not point to the platform in ${displayPlatform(home)}.`;
  if (other !== undefined) {
    return new AppError("not_found", message, { hint: `It is an app of another one: set GIT_HEROKU_HOME=${other}` });
  }
  return new AppError("not_found", message, {
    hint: "Name another remote with --remote NAME, or an app with --app NAME.",
  });
}
