/** The git remotes of a clone, and which of them are apps of a platform. A local app's remote is the plain path of its
 *  repository, `<home>/repos/<app>.git`, one over SSH is `git@host:<app>.git`; `url.*.insteadOf` is not followed. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { isOnThisMachine, parseAppUrl, type AppAddress } from "../core/platform-address.ts";
import { demandGit, runGit, type Place } from "./git.ts";
import { readPlainUrls, type RemoteUrl } from "./plain-config.ts";

export interface Remote {
  name: string;
  url: string;
  /** The app and the platform that the address has the form of. */
  target: AppAddress | undefined;
}

/** In the order of git's configuration. Outside a repository: whatever the person's own configuration names. */
export function readRemotes(place: Place): Remote[] {
  const remotes = new Map<string, Remote>();
  for (const { name, url } of readPlainUrls(place) ?? askForUrls(place)) {
    // Of several addresses git fetches from the first.
    if (!remotes.has(name)) remotes.set(name, { name, url, target: parseAppUrl(url) });
  }
  return [...remotes.values()];
}

/** From git itself, whatever its configuration looks like. */
export function askForUrls(place: Place): RemoteUrl[] {
  const { stdout } = runGit(place, ["config", "-z", "--get-regexp", "^remote\\..*\\.url$"]);
  return stdout.split("\0").flatMap((entry) => {
    const [, name, url] = /^remote\.(.*)\.url\n([\s\S]*)$/.exec(entry) ?? [];
    return name === undefined || url === undefined ? [] : [{ name, url }];
  });
}

/** Whether the remote is an app of the platform in `home`, whatever symbolic links lead there. */
export function pointsTo(remote: Remote, home: string): boolean {
  if (remote.target === undefined) return false;
  if (remote.target.home === home) return true;
  return isOnThisMachine(home) && realPath(remote.target.home) === realPath(home);
}

/** The home of another platform on this machine that the remote belongs to, if that is what it is. */
export function otherPlatform(remote: Remote, home: string): string | undefined {
  if (remote.target === undefined || pointsTo(remote, home) || !isOnThisMachine(remote.target.home)) return undefined;
  return existsSync(join(remote.target.home, "server.json")) ? remote.target.home : undefined;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

export function isRepository(place: Place): boolean {
  return runGit(place, ["rev-parse", "--git-dir"]).status === 0;
}

export function hasBranch(place: Place, name: string): boolean {
  return runGit(place, ["show-ref", "--verify", "--quiet", `refs/heads/${name}`]).status === 0;
}

/** Tells the other end of a push on a local path who is pushing, as `git commit` would have it. */
const RECEIVE_PACK = 'GIT_HEROKU_USER="${GIT_HEROKU_USER:-$(git var GIT_AUTHOR_IDENT)}" git-receive-pack';

/** Makes the remote, or makes it right again. The address is written last: until then commands do not find the app
 *  through it, and a second run repairs what an interrupted one left. The notes are asked for with a pattern, because
 *  git refuses to fetch an exact ref that does not exist yet. */
export function writeRemote(place: Place, name: string, url: string): void {
  const key = `remote.${name}`;
  demandGit(place, ["config", "--replace-all", `${key}.fetch`, `+refs/heads/*:refs/remotes/${name}/*`]);
  demandGit(place, ["config", "--add", `${key}.fetch`, "+refs/notes/releases*:refs/notes/releases*"]);
  if (url.startsWith("/")) demandGit(place, ["config", "--replace-all", `${key}.receivepack`, RECEIVE_PACK]);
  // Over SSH the key says who pushes, and git's own command is the only one that is let through.
  else runGit(place, ["config", "--unset-all", `${key}.receivepack`]);
  demandGit(place, ["config", "--replace-all", `${key}.url`, url]);
}

/** Also removes what was fetched from it. */
export function removeRemote(place: Place, name: string): void {
  demandGit(place, ["remote", "remove", name]);
}

/** The address without a password or token. */
export function displayUrl(remote: Remote): string {
  return remote.url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, "$1");
}
