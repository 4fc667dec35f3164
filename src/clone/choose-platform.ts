/** Which platform a command is about: the one that was named, else the one that the clone's remote leads to, else the one of
 *  this machine. */
import { isUrl, parsePlatformUrl } from "../core/platform-address.ts";
import { PREFERRED_REMOTES } from "./find-app.ts";
import type { Place } from "./git.ts";
import { readRemotes } from "./remotes.ts";

export interface PlatformChoice {
  /** A URL. */
  server?: string | undefined;
  /** A remote of the clone. */
  remote?: string | undefined;
}

/** @param home of the platform of this machine
 *  @throws AppError invalid_params for what is no URL */
export function choosePlatform(place: Place, home: string, { server, remote }: PlatformChoice): string {
  const named = server ?? place.env["GIT_HEROKU_SERVER"] ?? "";
  if (named !== "") return parsePlatformUrl(named);
  const remotes = readRemotes(place);
  const isThere = remotes.some(({ name }) => name === remote);
  const wanted = remote !== undefined && isThere ? [remote] : PREFERRED_REMOTES;
  const [meant] = wanted.flatMap((name) => remotes.filter((one) => one.name === name && one.target !== undefined));
  const platform = meant?.target?.home ?? home;
  return isUrl(platform) ? platform : home;
}
