/** Where a platform is, as one text: the absolute path of its home on this machine, `https://host:5001`, or
 *  `ssh://git@host:2222`, with a user and a port where the remote has them. A remote's URL says both the platform and the app. */
import { AppError } from "./error.ts";

export interface AppAddress {
  app: string;
  /** The platform. */
  home: string;
}

export interface SshPlace {
  /** `git@host`, or `host` alone. */
  destination: string;
  port: string | undefined;
}

const APP = "([a-z][a-z0-9-]{1,28}[a-z0-9])(?:\\.git)?/?";
/** What ssh could take for an option begins with a dash. */
const PLACE = "(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?(?:[A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9A-Fa-f:.]+\\])";
const LOCAL = /^(?:file:\/\/)?(\/.*)\/repos\/([a-z][a-z0-9-]{1,28}[a-z0-9])\.git\/?$/;
const SSH_URL = new RegExp(`^ssh://(${PLACE}(?::\\d{1,5})?)/${APP}$`);
/** As scp writes it: no port, and no path above the app. */
const SSH_SHORT = new RegExp(`^(${PLACE}):/?${APP}$`);
const WEB_URL = new RegExp(`^(https?)://(?:[^/@]*@)?([^/?#@]+)/${APP}$`, "i");
/** Heroku itself has addresses of the same form. */
const HEROKU = /(?:^|\.)heroku(?:app)?\.com(?::\d+)?$/i;
const SSH_PREFIX = "ssh://";
const SERVER = new RegExp(`^(?:ssh://)?(${PLACE}(?::\\d{1,5})?)/?$`);

/** Undefined for an address that has none of these forms. */
export function parseAppUrl(url: string): AppAddress | undefined {
  const [, home, local] = LOCAL.exec(url) ?? [];
  if (home !== undefined && local !== undefined) return { app: local, home };
  const web = WEB_URL.exec(url);
  if (web !== null) return parseWeb(web);
  const [, place, app] = SSH_URL.exec(url) ?? SSH_SHORT.exec(url) ?? [];
  return place === undefined || app === undefined ? undefined : { app, home: SSH_PREFIX + place };
}

function parseWeb([, scheme = "", host = "", app = ""]: RegExpExecArray): AppAddress | undefined {
  return HEROKU.test(host) ? undefined : { app, home: `${scheme}://${host}`.toLowerCase() };
}

export function isUrl(home: string): boolean {
  return /^https?:\/\//i.test(home);
}

/** @param text `https://host`, `git@host`, `host:2222` or `ssh://git@host:2222`
 *  @throws AppError invalid_params */
export function parseServer(text: string): string {
  const url = isUrl(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.hostname !== "") return url.origin;
  const [, place] = SERVER.exec(text) ?? [];
  if (place !== undefined) return SSH_PREFIX + place;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 60))} is no address of a platform.`, {
    hint: "Write https://HOST, git@HOST or ssh://git@HOST:PORT.",
  });
}

/** Undefined for a platform on this machine. */
export function sshPlace(home: string): SshPlace | undefined {
  if (!home.startsWith(SSH_PREFIX)) return undefined;
  const [, destination = "", port] = /^(.*?)(?::(\d{1,5}))?$/.exec(home.slice(SSH_PREFIX.length)) ?? [];
  // ssh wants an IPv6 address without its brackets.
  return { destination: destination.replace(/\[|\]/g, ""), port };
}

export function isOnThisMachine(home: string): boolean {
  return sshPlace(home) === undefined && !isUrl(home);
}

/** What git is given to reach the app.
 *  @param local where its repository is on the platform's own machine */
export function remoteUrl(home: string, app: string, local: string): string {
  if (isOnThisMachine(home)) return local;
  if (isUrl(home)) return `${home}/${app}.git`;
  const hasPort = sshPlace(home)?.port !== undefined;
  const place = home.slice(SSH_PREFIX.length);
  return hasPort || place.includes("[") ? `${home}/${app}.git` : `${place}:${app}.git`;
}

/** As people write it. */
export function displayPlatform(home: string): string {
  return home.startsWith(SSH_PREFIX) ? home.slice(SSH_PREFIX.length) : home;
}
