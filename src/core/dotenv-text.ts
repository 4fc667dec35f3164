/** Dotenv text, both ways (docs/formats.md, "Dotenv text"). What is written here gives exactly the same values when
 *  dotenv parses it. What is read here is only taken apart: dotenv itself says what a value is, this module says which
 *  lines dotenv would pass over in silence. */
import type { ConfigVars } from "./config-vars.ts";
import { AppError } from "./error.ts";

/** One assignment of a text. */
export interface DotenvEntry {
  name: string;
  /** Counted from 1. */
  line: number;
  /** Its text alone, for dotenv to parse. */
  source: string;
  /** The value stands in base64, because dotenv has no form for it. */
  isBase64: boolean;
  /** A `#` without a space before it cut the value: perhaps nobody meant a comment. */
  isCut: boolean;
}

const LINE_HINT = "A line is NAME=value or a # comment; a value that begins with a quote must end with it.";
const BASE64_MARK = "# git-heroku:base64";

/** Sorted by name. A value that dotenv cannot express is written in base64, with a mark that `scanDotenv` knows. */
export function formatDotenv(vars: ConfigVars): string {
  return Object.keys(vars)
    .sort()
    .map((name) => `${name}=${formatValue(vars[name] ?? "")}\n`)
    .join("");
}

function formatValue(value: string): string {
  if (/^[A-Za-z0-9_./:@%+,=-]+$/.test(value)) return value;
  return quoted(value) ?? bare(value) ?? nested(value) ?? `'${base64(value)}' ${BASE64_MARK}`;
}

/** Within the first quotes that the value leaves free. dotenv drops every carriage return that it does not find as `\r`
 *  in double quotes, and takes a quote behind a backslash for a part of the value. */
function quoted(value: string): string | undefined {
  if (value.endsWith("\\")) return undefined;
  const free = [`'`, `"`, "`"].find((quote) => isFree(value, quote));
  return free && free + (free === `"` ? value.replaceAll("\r", "\\r") : value) + free;
}

function isFree(value: string, quote: string): boolean {
  if (value.replaceAll(`\\${quote}`, "").includes(quote)) return false;
  return quote === `"` ? !hasEscapes(value) : !value.includes("\r");
}

/** Text that dotenv would turn into line ends. */
function hasEscapes(value: string): boolean {
  return /\\[nr]/.test(value);
}

/** dotenv takes the rest of a line as it is, as long as nothing in it begins a quote or a comment. */
function bare(value: string): string | undefined {
  return /^[^\s'"`#][^#\r\n\u2028\u2029]*$/.test(value) && value.trim() === value ? value : undefined;
}

/** Quotes around quotes: dotenv takes away the outer ones of a single line. */
function nested(value: string): string | undefined {
  if (value.endsWith("\\") || /[#\u2028\u2029]/.test(value)) return undefined;
  if (!hasEscapes(value)) return `"${value.replaceAll("\r", "\\r").replaceAll("\n", "\\n")}"`;
  return /[\r\n]/.test(value) ? undefined : `\`${value}\``;
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** @returns undefined when the text is not what `formatDotenv` writes before its mark. */
export function decodeBase64(digits: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(digits), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const EMPTY = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
const NAME = /[^\S\n]*(?:export[^\S\n]+)?([\w.-]+)(?:[^\S\n]*=|:(?=[^\S\n]))[^\S\n]*/y;
const VALUES: readonly RegExp[] = [
  /(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`)[^\S\n]*(#[^\n]*)?(?:\n|$)/y,
  /(?:"[^#\n]*"|`[^#\n]*`)[^\S\n]*(#[^\n]*)?(?:\n|$)/y,
  /(?!['"`])[^#\n]*(#[^\n]*)?(?:\n|$)/y,
];

/** Takes a text apart into its assignments. The value of a name that is there twice is the last one.
 *  @throws AppError invalid_params naming the lines that are no assignment, no comment and not empty. Such a line may be
 *  a piece of a secret, so it is never quoted. */
export function scanDotenv(text: string): DotenvEntry[] {
  const clean = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const entries: DotenvEntry[] = [];
  const bad: number[] = [];
  let line = 1;
  for (let at = 0; at < clean.length;) {
    const isEmpty = matchAt(EMPTY, clean, at) !== undefined;
    const entry = isEmpty ? undefined : entryAt(clean, at, line);
    if (entry !== undefined) entries.push(entry);
    else if (!isEmpty) bad.push(line);
    const end = entry === undefined ? endOfLine(clean, at) : at + entry.source.length;
    line += countLines(clean.slice(at, end));
    at = end;
  }
  if (bad.length > 0) throw notUnderstood(bad, LINE_HINT);
  return entries;
}

function entryAt(text: string, start: number, line: number): DotenvEntry | undefined {
  const name = matchAt(NAME, text, start);
  if (name?.[1] === undefined) return undefined;
  const valueAt = start + name[0].length;
  for (const form of VALUES) {
    const value = matchAt(form, text, valueAt);
    if (value === undefined) continue;
    const source = text.slice(start, valueAt + value[0].length);
    return { name: name[1], line, source, ...readComment(value[0], value[1] ?? "") };
  }
  return undefined;
}

function readComment(value: string, comment: string): { isBase64: boolean; isCut: boolean } {
  const before = value.replace(/\n$/, "").slice(0, -comment.length);
  return { isBase64: comment.trim() === BASE64_MARK, isCut: /\S$/.test(before) && !/^['"`]/.test(before) };
}

export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

export function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end + 1;
}

export function countLines(text: string): number {
  return text.split("\n").length - 1;
}

/** @param hint what a line should be */
export function notUnderstood(lines: readonly number[], hint: string): AppError {
  const shown = lines.slice(0, 10).join(", ") + (lines.length > 10 ? ", …" : "");
  const subject = lines.length === 1 ? `Line ${shown} is` : `Lines ${shown} are`;
  return new AppError("invalid_params", `${subject} not understood.`, { hint });
}
