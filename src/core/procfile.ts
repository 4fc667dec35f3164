/** The Procfile: process types and their commands, one `type: command` a line (devcenter.heroku.com/articles/procfile).
 *  Blank lines and `#` lines are skipped, CRLF is accepted, the last of two equal types wins, as in foreman. */
import { AppError } from "./error.ts";

/** Process type → command, sorted by type. */
export type Procfile = ReadonlyMap<string, string>;

const LINE = /^([A-Za-z0-9_-]{1,128}):\s*(\S.*)$/;
const CONFLICT_MARKER = /^(<{7}|={7}|>{7}|\|{7})( |$)/;
const MAX_BYTES = 64 * 1024;

/** @throws AppError invalid_params naming the line. */
export function parseProcfile(text: string): Procfile {
  return sortProcfile(scanProcfile(text));
}

/** The types in the order in which they are written.
 *  @throws AppError invalid_params naming the line. */
export function scanProcfile(text: string): Procfile {
  if (text.length > MAX_BYTES) throw new AppError("invalid_params", "Procfile is larger than 64 KiB.");
  const types = new Map<string, string>();
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = raw.trimEnd();
    if (line === "" || line.trimStart().startsWith("#")) continue;
    const [type, command] = parseLine(line, index + 1);
    types.set(type, command);
  }
  return types;
}

function parseLine(line: string, number: number): [type: string, command: string] {
  if (CONFLICT_MARKER.test(line)) {
    throw new AppError(
      "invalid_params",
      `Procfile line ${String(number)} is a merge conflict marker: ${line.slice(0, 20)}`,
      {
        hint: "Resolve the conflict, commit and push again.",
      },
    );
  }
  const match = LINE.exec(line);
  // A NUL or another control character can reach neither a shell nor a terminal unharmed.
  if (match?.[1] === undefined || match[2] === undefined || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) {
    throw new AppError("invalid_params", `Procfile line ${String(number)} is not "type: command": ${printable(line)}`, {
      hint: "A line looks like `web: node server.js`; the type is letters, digits, - and _.",
    });
  }
  return [match[1], match[2]];
}

function printable(line: string): string {
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}

export function sortProcfile(types: Iterable<readonly [string, string]>): Procfile {
  return new Map([...types].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The canonical text, as it stands in a release's tree; `parseProcfile` reads it back unchanged. */
export function formatProcfile(procfile: Procfile): string {
  return [...sortProcfile(procfile)].map(([type, command]) => `${type}: ${command}\n`).join("");
}

/** The release phase: declared in the Procfile, run before a release, never part of the running formation
 *  (devcenter.heroku.com/articles/release-phase). */
export const RELEASE_TYPE = "release";

/** The type that gets $PORT and requests. */
export const WEB_TYPE = "web";

/** The type of one-off processes. A Procfile may declare a command of this name, which the formation never runs. */
export const ONE_OFF_TYPE = "run";

/** What runs once, beside the formation. */
export type OneOffType = typeof RELEASE_TYPE | typeof ONE_OFF_TYPE;

export function isOneOffType(type: string): type is OneOffType {
  return type === RELEASE_TYPE || type === ONE_OFF_TYPE;
}

export function formationTypes(procfile: Procfile): string[] {
  return [...procfile.keys()].filter((type) => !isOneOffType(type));
}

/** What a one-off process is to run: where the first word names a process type, that type's command with the rest of
 *  the words behind it. */
export function oneOffCommand(command: string, procfile: Procfile): string {
  const [, type = "", rest = ""] = /^(\S+)(.*)$/s.exec(command) ?? [];
  const declared = procfile.get(type);
  return declared === undefined ? command : declared + rest;
}
