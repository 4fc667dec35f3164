/** Connecting a clone to an app and back: the remotes that `create` and `remote` write and `destroy` removes. */
import { AppError } from "../core/error.ts";
import { runGit, type Place } from "./git.ts";
import {
  displayUrl,
  hasBranch,
  isRepository,
  otherPlatform,
  pointsTo,
  readRemotes,
  removeRemote,
  writeRemote,
  type Remote,
} from "./remotes.ts";

export type Connection = "added" | "updated" | "outside a clone";

const REMOTE_NAME = /^[A-Za-z0-9][\w./-]*$/;

/** Refuses before anything is made: a remote that leads elsewhere is the person's own and is never overwritten.
 *  `app` is the app that it may already lead to; undefined when the name is not known yet.
 *  @throws AppError conflict, or invalid_params for a name that git would refuse. */
export function checkRemoteName(place: Place, home: string, wanted: { remote: string; app?: string }): void {
  const { remote: name, app } = wanted;
  if (!REMOTE_NAME.test(name) || name.includes("..") || name.endsWith("/") || name.endsWith(".lock")) {
    throw new AppError("invalid_params", `${JSON.stringify(name)} cannot be the name of a git remote.`, {
      hint: "Use letters, digits and dashes.",
    });
  }
  const existing = readRemotes(place).find((remote) => remote.name === name);
  if (existing === undefined || (pointsTo(existing, home) && existing.target?.app === app)) return;
  throw new AppError("conflict", `The remote ${name} already exists and leads to ${displayUrl(existing)}.`, {
    hint: "Choose another name with --remote NAME.",
  });
}

/** Like `checkRemoteName`, but an app of a platform on this machine may be exchanged for another one. */
export function checkReplaceable(place: Place, home: string, wanted: { remote: string; app: string }): void {
  const existing = readRemotes(place).find((remote) => remote.name === wanted.remote);
  if (existing !== undefined && isApp(existing, home)) return;
  checkRemoteName(place, home, wanted);
}

function isApp(remote: Remote, home: string): boolean {
  return pointsTo(remote, home) || otherPlatform(remote, home) !== undefined;
}

export function connectApp(place: Place, name: string, url: string): Connection {
  if (!isRepository(place)) return "outside a clone";
  const existed = readRemotes(place).some((remote) => remote.name === name);
  writeRemote(place, name, url);
  return existed ? "updated" : "added";
}

/** Every remote of this clone that leads to the app now leads to the address; returns their names. */
export function redirectRemotes(place: Place, home: string, { app, url }: { app: string; url: string }): string[] {
  const remotes = readRemotes(place).filter((remote) => pointsTo(remote, home) && remote.target?.app === app);
  if (!isRepository(place)) return [];
  for (const remote of remotes) writeRemote(place, remote.name, url);
  return remotes.map((remote) => remote.name);
}

/** Removes every remote of this clone that leads to the app; returns their names. */
export function disconnectApp(place: Place, home: string, app: string): string[] {
  const remotes = readRemotes(place).filter((remote) => pointsTo(remote, home) && remote.target?.app === app);
  for (const remote of remotes) removeRemote(place, remote.name);
  return remotes.map((remote) => remote.name);
}

/** A local branch called `releases` is a trap: `git log releases` would show it instead of the ledger, and
 *  `git push --all` would offer it to the platform, which refuses it. */
export function hasReleasesBranch(place: Place): boolean {
  return hasBranch(place, "releases");
}

/** A push from a clone whose history was cut off is refused: the app's repository would have to be cut off too. */
export function isShallow(place: Place): boolean {
  return runGit(place, ["rev-parse", "--is-shallow-repository"]).stdout.trim() === "true";
}
