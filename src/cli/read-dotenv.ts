/** Config vars out of dotenv text that a person gives. dotenv's own parser says what the values are; whatever it would
 *  pass over in silence is refused instead, by line, and never quoted. */
import { parse } from "dotenv";
import { checkConfigValue, isConfigName, isReservedName, type ConfigVars } from "../core/config-vars.ts";
import { decodeBase64, scanDotenv, type DotenvEntry } from "../core/dotenv-text.ts";
import { AppError } from "../core/error.ts";

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
export function readDotenv(text: string, options: { skipReserved: boolean } = { skipReserved: false }): DotenvContent {
  if (text.includes("\0"))
    throw new AppError("invalid_params", "The text contains NUL characters: it is no dotenv text.");
  const entries = scanDotenv(text);
  checkNames(entries);
  const reserved = [...new Set(entries.map(({ name }) => name).filter(isReservedName))].sort();
  if (reserved.length > 0 && !options.skipReserved) throw areReserved(reserved);
  const kept = entries.filter(({ name }) => !isReservedName(name));
  const vars = Object.fromEntries(kept.map((entry) => [entry.name, valueOf(entry)]));
  checkWhole(text, kept, vars);
  const remarks = reserved.length === 0 ? [] : [`Left out, the platform sets them itself: ${reserved.join(", ")}.`];
  return { vars, remarks: [...remarks, ...remarksOn(kept)] };
}

/** Not quoted: a line of a key that stands without quotes may look like a name. */
function checkNames(entries: readonly DotenvEntry[]): void {
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

function remarksOn(entries: readonly DotenvEntry[]): string[] {
  const times = new Map<string, number>();
  for (const { name } of entries) times.set(name, (times.get(name) ?? 0) + 1);
  const last = new Map(entries.map(({ name, line }) => [name, line]));
  const twice = [...times].filter(([, count]) => count > 1);
  return [
    ...twice.map(([name, count]) => `${name} is there ${String(count)} times; line ${String(last.get(name))} counts.`),
    ...entries.filter(({ isCut, name, line }) => isCut && last.get(name) === line).map(cutRemark),
  ];
}

function cutRemark({ name, line }: DotenvEntry): string {
  return `The value of ${name} ends before the # in line ${String(line)}; quote it if that belongs to it.`;
}
