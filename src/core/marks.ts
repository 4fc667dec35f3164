/** Marks of releases, the file `marks.json` of the state (docs/formats.md, "State"): which ones are known to be bad,
 *  by whose word and why. A mark says nothing about what runs; it keeps a rollback from choosing that release. */
import { AppError } from "./error.ts";
import { isJsonObject, type Json } from "./json.ts";
import { cleanLine } from "./release-commit.ts";
import { formatVersion } from "./release.ts";

export interface Mark {
  version: number;
  /** One line. */
  reason: string;
  /** The address of who said so. */
  by: string;
  /** RFC 3339, whole seconds. */
  at: string;
}

/** By version. */
export type Marks = ReadonlyMap<number, Mark>;

const REASON_LENGTH_MAX = 200;
/** Each mark may cost a rollback without an argument one more read. */
export const MARKS_MAX = 1000;

/** What does not look like a mark is passed over. */
export function readMarks(stored: Json | undefined): Marks {
  const marks = Object.entries(isJsonObject(stored) ? stored : {}).map(([name, value]): [number, Mark] | undefined => {
    const version = Number(/^v([1-9][0-9]{0,8})$/.exec(name)?.[1]);
    if (Number.isNaN(version) || !isJsonObject(value)) return undefined;
    const { reason, by, at } = value;
    if (typeof reason !== "string" || typeof by !== "string" || typeof at !== "string") return undefined;
    return [version, { version, reason, by, at }];
  });
  return new Map(marks.filter((entry) => entry !== undefined).sort(([a], [b]) => b - a));
}

/** The file with the mark set or, with undefined, taken away; other keys stay as they are.
 *  @throws AppError invalid_params when there are too many. */
export function changeMark(stored: Json | undefined, version: number, mark: Mark | undefined): Json {
  const { [formatVersion(version)]: _, ...others } = isJsonObject(stored) ? stored : {};
  if (mark === undefined) return others;
  if (Object.keys(others).length >= MARKS_MAX) {
    throw new AppError("invalid_params", `${String(MARKS_MAX)} releases are marked already.`, {
      hint: "Clear old marks first; `git heroku releases:mark` lists them.",
    });
  }
  const { reason, by, at } = mark;
  return { ...others, [formatVersion(version)]: { at, by, reason } };
}

/** @throws AppError invalid_params when nothing is left of it. */
export function cleanReason(text: string): string {
  const reason = Array.from(cleanLine(text)).slice(0, REASON_LENGTH_MAX).join("").trim();
  if (reason !== "") return reason;
  throw new AppError("invalid_params", "A mark needs a reason.", {
    hint: 'Say what is wrong with the release: --bad "500s on /pay"',
  });
}
