/** Finds the level that a line states about itself, from its first 96 bytes. Conservative: a level is stored only when
 *  the line is explicit (`level=warn`, `"level":"error"`, pino's `"level":50`, `[info]`, `Error:` at the start, an upper
 *  case `WARN` at the start or behind a time stamp); prose such as "no error found" has none, whatever stream it came by. */
import { LOG_LEVELS } from "../core/log-line.ts";

export const LEVELS: readonly (string | undefined)[] = [undefined, ...LOG_LEVELS];
const WINDOW_BYTES = 96;

const WORDS = new Map([
  ["error", 1],
  ["fatal", 1],
  ["warn", 2],
  ["warning", 2],
  ["info", 3],
  ["debug", 4],
]);
const BEGINNINGS = new Set(
  [...WORDS.keys()].map((word) => (word.charCodeAt(0) << 16) | (word.charCodeAt(1) << 8) | word.charCodeAt(2)),
);
/** pino and bunyan count in tens: trace, debug, info, warn, error, fatal. */
const NUMBERS = new Map([
  ["10", 4],
  ["20", 4],
  ["30", 3],
  ["40", 2],
  ["50", 1],
  ["60", 1],
]);

/** 1 = part of a word; 2 = may also begin one of the words above. */
const KIND = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  const letter = String.fromCharCode(byte);
  if (/[0-9A-Za-z_]/.test(letter) || byte >= 0x80) KIND[byte] = /[efwid]/i.test(letter) ? 2 : 1;
}

/** Index into LEVELS; 0 when the line does not say. */
export function detectLevel(src: Buffer, from: number, to: number): number {
  const stop = Math.min(to, from + WINDOW_BYTES);
  let isInside = false;
  for (let at = from; at < stop; at += 1) {
    const kind = KIND[src[at] as number] as number;
    if (kind === 2 && !isInside) {
      const level = levelAt(src, { from, at, stop, to });
      if (level !== 0) return level;
    }
    isInside = kind !== 0;
  }
  return stop - from > 10 && src[from] === 0x7b ? numericLevel(src.toString("latin1", from, stop)) : 0;
}

interface Place {
  /** The line is [from, to), a word begins at `at`, and nothing from `stop` on is looked at. */
  from: number;
  at: number;
  stop: number;
  to: number;
}

function levelAt(src: Buffer, { from, at, stop, to }: Place): number {
  if (!mayBegin(src, at)) return 0;
  const end = wordEnd(src, at, stop);
  // A word that the window cuts in two is not known to be whole.
  if (end === stop && stop < to) return 0;
  const word = src.toString("latin1", at, end);
  const level = WORDS.get(word.toLowerCase());
  if (level === undefined) return 0;
  const before = src.toString("latin1", from, at);
  const after = end < to ? String.fromCharCode(src[end] as number) : "";
  return isStated(before, word, after) ? level : 0;
}

/** Whether the next three letters are those of one of the words: most words are put aside here without a string. */
function mayBegin(src: Buffer, at: number): boolean {
  const [first, second, third] = [src[at], src[at + 1], src[at + 2]] as [number, number, number];
  return BEGINNINGS.has(((first | 32) << 16) | ((second | 32) << 8) | third | 32);
}

function wordEnd(src: Buffer, at: number, stop: number): number {
  let end = at + 1;
  while (end < stop && KIND[src[end] as number] !== 0) end += 1;
  return end;
}

const KEY_BEFORE = /(?:^|[\s,{"'])(?:level|lvl|severity|loglevel)["']?\s?[=:]\s?["']?$/i;

function isStated(before: string, word: string, after: string): boolean {
  if (KEY_BEFORE.test(before)) return true;
  if (isBracketed(before.at(-1), after)) return true;
  if (before.trimStart() === "") return after === ":" || (word === word.toUpperCase() && /^[\s\]|)-]?$/.test(after));
  // Behind a time stamp or another prefix with a digit in it: `2011-06-19 08:35:19 WARN …`, `1.2s INFO: …`.
  return word === word.toUpperCase() && /\d/.test(before) && /[\s|]$/.test(before) && /^[\s:|\]]?$/.test(after);
}

function isBracketed(open: string | undefined, close: string): boolean {
  return (open === "[" && close === "]") || (open === "<" && close === ">") || (open === "(" && close === ")");
}

function numericLevel(text: string): number {
  const digits = /^\{(?:[^{}]{0,60},)?"level":(\d\d)[,}]/.exec(text)?.[1];
  return digits === undefined ? 0 : (NUMBERS.get(digits) ?? 0);
}
