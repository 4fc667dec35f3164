/** Which buildpacks an app is built with, as people name them: one that comes with the platform, a git URL with `#ref`,
 *  a tarball, or a path on the platform's machine (Heroku: "Buildpacks"). The list is the file `buildpacks.json` of the
 *  state. */
import { AppError } from "./error.ts";
import type { Json } from "./json.ts";

/** In the order in which they are asked whether an app is theirs, which is Heroku's. */
export const BUILT_IN_BUILDPACKS = ["ruby", "nodejs", "python", "go", "procfile", "static"] as const;
export type BuiltInName = (typeof BUILT_IN_BUILDPACKS)[number];

export type BuildpackSource =
  | { kind: "built-in"; name: BuiltInName }
  /** `ref` is a branch, a tag or a commit; without one it is what HEAD of the repository names. */
  | { kind: "git"; url: string; ref: string | undefined }
  /** A directory: a git repository, or the files as they are. */
  | { kind: "directory"; path: string; ref: string | undefined }
  /** An absolute path or a URL. */
  | { kind: "tarball"; place: string };

/** The config var by which one deploy after the other is built with something else than the list. */
export const BUILDPACK_VAR = "BUILDPACK_URL";
/** The file of an app's code that names its buildpacks, one a line. */
export const BUILDPACKS_FILE = ".buildpacks";

const COUNT_MAX = 20;
const LENGTH_MAX = 1_000;
const GIT_URL = /^(?:https?|git|ssh|git\+ssh|file):\/\/[^\s]+$/;
/** As git and ssh write it: `git@example.com:team/buildpack.git`. */
const SCP_LIKE = /^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^\s]+$/;
const TARBALL = /\.(?:tgz|tar\.gz)$/;
/** git takes a ref that begins with a dash for an option. */
const REF = /^[A-Za-z0-9_.@][A-Za-z0-9_./@+-]*$/;
const URN = "urn:buildpack:";
const HAS_PASSWORD = /^https?:\/\/[^/]*@/;
const CONTROL = /[\u0000-\u001f\u007f]/;

/** @throws AppError invalid_params for what names no buildpack */
export function parseBuildpack(text: string): BuildpackSource {
  const word = text.startsWith(URN) ? text.slice(URN.length) : text;
  const builtIn = BUILT_IN_BUILDPACKS.find((name) => word === name || word === `heroku/${name}`);
  if (builtIn !== undefined) return { kind: "built-in", name: builtIn };
  if (HAS_PASSWORD.test(word)) throw hasPassword();
  const source = word.length > LENGTH_MAX || CONTROL.test(word) ? undefined : parseAddress(word);
  if (source === undefined) throw noBuildpack(text);
  return source;
}

function parseAddress(word: string): BuildpackSource | undefined {
  const at = word.indexOf("#");
  if (at === -1 || at === word.length - 1) return parsePlace(word.replace(/#$/, ""), undefined);
  const ref = word.slice(at + 1);
  return REF.test(ref) ? parsePlace(word.slice(0, at), ref) : undefined;
}

function parsePlace(place: string, ref: string | undefined): BuildpackSource | undefined {
  const isUrl = GIT_URL.test(place);
  if (/^(?:https?:\/\/|\/)/.test(place) && TARBALL.test(place.split("?")[0] ?? "")) return { kind: "tarball", place };
  if (isUrl || SCP_LIKE.test(place)) return { kind: "git", url: place, ref };
  return place.startsWith("/") ? { kind: "directory", path: place, ref } : undefined;
}

function noBuildpack(text: string): AppError {
  return new AppError("invalid_params", `${JSON.stringify(text.slice(0, 100))} is not a buildpack.`, {
    hint: `Name a git URL, a .tgz, an absolute path on the platform's machine, or one of ${BUILT_IN_BUILDPACKS.join(", ")}.`,
  });
}

function hasPassword(): AppError {
  return new AppError("invalid_params", "The URL of a buildpack cannot have a user or a password in it.", {
    hint: "Everybody who sees the app would see it. Use a public URL, or ssh with a key of the platform's user.",
  });
}

/** As it is kept and shown: a buildpack of the platform by its short name, everything else as it was written.
 *  @throws AppError invalid_params for what names no buildpack */
export function normalBuildpack(text: string): string {
  const source = parseBuildpack(text);
  return source.kind === "built-in" ? source.name : text;
}

/** @throws AppError invalid_params for a list that names one twice, is too long, or has something else in it */
export function checkBuildpacks(texts: readonly string[]): string[] {
  if (texts.length > COUNT_MAX) {
    throw new AppError("invalid_params", `An app cannot have more than ${String(COUNT_MAX)} buildpacks.`);
  }
  const names = texts.map(normalBuildpack);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new AppError("invalid_params", `The buildpack ${twice} is already set on your app.`);
}

/** What `buildpacks.json` says; what is no buildpack is passed over. */
export function readBuildpacks(stored: Json | undefined): string[] {
  return Array.isArray(stored)
    ? stored.filter((one): one is string => typeof one === "string" && isBuildpack(one))
    : [];
}

function isBuildpack(text: string): boolean {
  try {
    parseBuildpack(text);
    return true;
  } catch {
    return false;
  }
}

/** The lines of a `.buildpacks` file; blank ones and those that begin with `#` say nothing.
 *  @throws AppError invalid_params for a line that names no buildpack */
export function parseBuildpacksFile(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  return checkBuildpacks(lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")));
}
