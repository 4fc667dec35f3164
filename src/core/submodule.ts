/** Where the code of git submodules comes from (gitmodules(5)). What a push does not carry is fetched over the network only: a
 *  path of the platform's machine might be another app's repository. */
import { AppError } from "./error.ts";

const REMOTE = /^(?:https?|git):\/\/[^\s/-][^\s]*$/;
/** `git@example.com:team/lib.git` as well. */
const SSH = /^(?:(?:git\+)?ssh:\/\/|[^/:\s]+@[^/:\s]+:)/;
const RELATIVE = /^\.\.?\//;
const PARTS = /^submodule\.(.+)\.(path|url)$/s;

/** By path.
 *  @param listing of `git config --list -z` */
export function parseGitModules(listing: string): Map<string, string> {
  const sections = new Map<string, { path?: string; url?: string }>();
  for (const line of listing.split("\0")) {
    const end = line.indexOf("\n");
    const [, name = "", key = ""] = PARTS.exec(line.slice(0, end)) ?? [];
    if (key !== "") sections.set(name, { ...sections.get(name), [key]: line.slice(end + 1) });
  }
  const found = new Map<string, string>();
  for (const { path, url } of sections.values()) {
    if (path !== undefined && url !== undefined) found.set(path.replace(/\/+$/, ""), url);
  }
  return found;
}

/** @param url as `.gitmodules` has it; undefined where it has none
 *  @param base where the code that has the submodule was fetched from; undefined for what was pushed
 *  @throws AppError invalid_params for what is not fetched */
export function submoduleUrl(path: string, url: string | undefined, base: string | undefined): string {
  if (url === undefined) throw notFetched(path, "The file .gitmodules does not say where it comes from.");
  const isRelative = RELATIVE.test(url);
  const resolved = isRelative && base !== undefined ? resolve(url, base) : url;
  if (REMOTE.test(resolved)) return resolved;
  const shown = JSON.stringify(withoutPassword(url).slice(0, 100));
  throw notFetched(path, `Its URL ${shown} ${isRelative && base === undefined ? RELATIVE_TO_WHAT : whyNot(resolved)}.`);
}

const RELATIVE_TO_WHAT = "is relative, and a push does not tell to what";

function whyNot(url: string): string {
  return SSH.test(url)
    ? "is one of ssh, where the platform's key might open what is not yours; use https, with a token in it if it must be"
    : "is no address on the network";
}

/** As git does it: each `../` takes a part away. */
function resolve(url: string, base: string): string {
  let [from, way] = [base.replace(/\/+$/, ""), url];
  for (let match = RELATIVE.exec(way); match !== null; match = RELATIVE.exec(way)) {
    way = way.slice(match[0].length);
    if (match[0] === "../") from = from.slice(0, Math.max(from.lastIndexOf("/"), 0));
  }
  return `${from}/${way}`;
}

export function notFetched(path: string, why: string, cause?: unknown): AppError {
  return new AppError("invalid_params", `The submodule ${path} cannot be fetched.`, {
    hint: `${why} Mend it with \`git submodule set-url\`, copy its code in with \`git subtree add\`, or name it in .slugignore.`,
    cause,
  });
}

/** For people. */
export function withoutPassword(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/@]*@/, "$1");
}
