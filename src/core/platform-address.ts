/** Which platform is meant: one of this machine by its home, an absolute path, or one elsewhere by its URL. */
import { AppError } from "./error.ts";

const REMOTE = /^https?:\/\//;

export function isUrl(platform: string): boolean {
  return REMOTE.test(platform);
}

/** As `https://heroku.foobazco.com:5001`, whatever somebody typed behind that.
 *  @throws AppError invalid_params */
export function parsePlatformUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && isUrl(`${url.protocol}//`) && url.hostname !== "") return url.origin;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 100))} is no address of a platform.`, {
    hint: "Write it as https://heroku.foobazco.com, or http://127.0.0.1:5001.",
  });
}

/** What a clone's remote has as its address.
 *  @param local the path of its repository, for a platform of this machine */
export function gitAddress(platform: string, app: string, local: string): string {
  return isUrl(platform) ? `${platform}/${app}.git` : local;
}

const REPOSITORY = /^(https?):\/\/(?:[^/@]*@)?([^/?#@]+)\/([a-z][a-z0-9-]{1,28}[a-z0-9])\.git\/?$/i;
/** Heroku itself has addresses of the same form. */
const HEROKU = /(?:^|\.)heroku(?:app)?\.com(?::\d+)?$/i;

/** The app of a remote's address, if that has the form of one. */
export function parseGitAddress(url: string): { app: string; home: string } | undefined {
  const [, scheme = "", host = "", app] = REPOSITORY.exec(url) ?? [];
  if (app === undefined || HEROKU.test(host)) return undefined;
  return { app, home: `${scheme}://${host}`.toLowerCase() };
}
