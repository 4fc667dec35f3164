/** Which platform a command is about: the one that is named, else the one that the clone's remote leads to, else the one of
 *  this machine. */
import { isOnThisMachine, isUrl, parseServer } from "../core/platform-address.ts";
import { PREFERRED_REMOTES, type AppChoice } from "./find-app.ts";
import type { Place } from "./git.ts";
import { pointsTo, readRemotes, type Remote } from "./remotes.ts";

/** @param home the platform of this machine
 *  @param server what `--server` says
 *  @returns its address (core/platform-address.ts)
 *  @throws AppError invalid_params for a server that is none */
export function choosePlatform(
  place: Place,
  home: string,
  { app, remote, server }: AppChoice & { server?: string | undefined },
): string {
  const named = server ?? (place.env["GIT_HEROKU_SERVER"] || undefined);
  if (named !== undefined) return parseServer(named);
  const ours = readRemotes(place).filter((one) => pointsTo(one, home) || mayBe(one, remote));
  if (remote !== undefined) return homeOf(ours.find(({ name }) => name === remote)) ?? home;
  const ofApp = ours.filter(({ target }) => target?.app === app);
  return homeOf(preferred(ofApp, home) ?? preferred(ours, home)) ?? home;
}

/** Many addresses on the web have the same form: one must have a name that says what it is for. */
function mayBe(one: Remote, named: string | undefined): boolean {
  if (!isElsewhere(one)) return false;
  return !isUrl(one.target?.home ?? "") || one.name === named || PREFERRED_REMOTES.includes(one.name);
}

function isElsewhere({ target }: Remote): boolean {
  return target !== undefined && !isOnThisMachine(target.home);
}

function homeOf(remote: Remote | undefined): string | undefined {
  return remote !== undefined && isElsewhere(remote) ? remote.target?.home : undefined;
}

/** By name; then this machine's own; then what is all of one platform. */
function preferred(remotes: readonly Remote[], home: string): Remote | undefined {
  for (const name of PREFERRED_REMOTES) {
    const found = remotes.find((remote) => remote.name === name);
    if (found !== undefined) return found;
  }
  const local = remotes.find((remote) => pointsTo(remote, home));
  if (local !== undefined) return local;
  return new Set(remotes.map(({ target }) => target?.home)).size === 1 ? remotes[0] : undefined;
}
