/** Config vars out of dotenv text that a person gives. dotenv's own parser says what the values are; whatever it would
 *  pass over in silence is refused instead, by line, and never quoted. */
import { parse } from "dotenv";
import { checkConfigValue, isConfigName, isReservedName, type ConfigVars } from "../core/config-vars.ts";
import { decodeBase64, scanDotenv, type DotenvEntry } from "../core/dotenv-text.ts";
import { AppError } from "../core/error.ts";
import { scanShell } from "../core/shell-text.ts";

interface ReadOptions {
  /** Leave names out that the platform sets itself. */
  skipReserved: boolean;
}

interface Named {
  name: string;
  line: number;
}

export interface DotenvContent {
  vars: ConfigVars;
  /** What the person should know, though it is no mistake. */
  remarks: string[];
}

/** @throws AppError invalid_params for bytes that are no UTF-8 text. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AppError("invalid_params", "This is no UTF-8 text.", {
      hint: "Give a file of NAME=value lines; save it as UTF-8.",
    });
  }
}

/** @throws AppError invalid_params for text that is not understood, for names and values that no config var has. */
export function readDotenv(text: string, options: ReadOptions = { skipReserved: false }): DotenvContent {
  refuseNul(text);
  const entries = scanDotenv(text);
  const { kept, remarks } = keepNames(entries, options);
  const vars = Object.fromEntries(kept.map((entry) => [entry.name, valueOf(entry)]));
  checkWhole(text, kept, vars);
  const last = lastLines(kept);
  const odd = kept.filter(({ name, line }) => last.get(name) === line);
  return {
    vars,
    remarks: [
      ...remarks,
      ...odd.filter(({ isCut }) => isCut).map(cutRemark),
      ...odd.filter(looksLikeShell).map(shellRemark),
    ],
  };
}

/** The same of text that a shell would read, as `heroku config -s` prints it.
 *  @throws AppError invalid_params for text that is not understood, for names and values that no config var has. */
export function readShell(text: string, options: ReadOptions): DotenvContent {
  refuseNul(text);
  const { kept, remarks } = keepNames(scanShell(text), options);
  for (const { name, value } of kept) checkConfigValue(name, value);
  return { vars: Object.fromEntries(kept.map(({ name, value }) => [name, value])), remarks };
}

function refuseNul(text: string): void {
  if (text.includes("\0"))
    throw new AppError("invalid_params", "The text contains NUL characters: it is no dotenv text.");
}

function keepNames<Entry extends Named>(
  entries: readonly Entry[],
  { skipReserved }: ReadOptions,
): { kept: Entry[]; remarks: string[] } {
  checkNames(entries);
  const reserved = [...new Set(entries.map(({ name }) => name).filter(isReservedName))].sort();
  if (reserved.length > 0 && !skipReserved) throw areReserved(reserved);
  const kept = entries.filter(({ name }) => !isReservedName(name));
  const remarks = reserved.length === 0 ? [] : [`Left out, the platform sets them itself: ${reserved.join(", ")}.`];
  return { kept, remarks: [...remarks, ...twiceRemarks(kept)] };
}

/** Not quoted: a line of a key that stands without quotes may look like a name. */
function checkNames(entries: readonly Named[]): void {
  const bad = entries.find(({ name }) => !isConfigName(name));
  if (bad === undefined) return;
  throw new AppError("invalid_params", `The name in line ${String(bad.line)} is not a valid config var name.`, {
    hint: "Use letters, digits and underscores, not beginning with a digit.",
  });
}

function areReserved(names: readonly string[]): AppError {
  const [subject, them] = names.length === 1 ? ["is", "it"] : ["are", "them"];
  return new AppError("invalid_params", `${names.join(", ")} ${subject} reserved: the platform sets ${them} itself.`, {
    hint: `Take ${them} out; \`config:import --skip-reserved\` does it for you.`,
  });
}

function valueOf(entry: DotenvEntry): string {
  const value = parse(entry.source)[entry.name] ?? "";
  const plain = entry.isBase64 ? decodeBase64(value) : value;
  if (plain === undefined) {
    throw new AppError("invalid_params", `The value of ${entry.name} in line ${String(entry.line)} is no base64.`, {
      hint: "Take the mark `git-heroku:base64` behind it away, if the value is meant as it stands.",
    });
  }
  checkConfigValue(entry.name, plain);
  return plain;
}

/** dotenv sees the text as one: a quote in one line can reach into another. */
function checkWhole(text: string, entries: readonly DotenvEntry[], vars: ConfigVars): void {
  const whole = parse(text.replace(/^\uFEFF/, ""));
  const last = new Map(entries.map((entry) => [entry.name, entry]));
  for (const { name, line, isBase64 } of last.values()) {
    if (isBase64 || whole[name] === vars[name]) continue;
    throw new AppError("invalid_params", `The value of ${name} in line ${String(line)} can be read in two ways.`, {
      hint: "Write it in single quotes, and look at the quotes of the lines around it.",
    });
  }
}

function twiceRemarks(entries: readonly Named[]): string[] {
  const times = new Map<string, number>();
  for (const { name } of entries) times.set(name, (times.get(name) ?? 0) + 1);
  const last = lastLines(entries);
  return [...times]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => `${name} is there ${String(count)} times; line ${String(last.get(name))} counts.`);
}

function lastLines(entries: readonly Named[]): ReadonlyMap<string, number> {
  return new Map(entries.map(({ name, line }) => [name, line]));
}

/** A shell takes these backslashes away, dotenv does not. */
function looksLikeShell({ source }: DotenvEntry): boolean {
  return /=[^\S\n]*"(?:[^"\\]|\\[^])*\\["\\$`!]/.test(source);
}

function shellRemark({ name, line }: DotenvEntry): string {
  return `The backslashes in line ${String(line)} belong to the value of ${name}; for what \`heroku config -s\` prints add --shell.`;
}

function cutRemark({ name, line }: DotenvEntry): string {
  return `The value of ${name} ends before the # in line ${String(line)}; quote it if that belongs to it.`;
}
