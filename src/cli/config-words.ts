/** Config vars as text: for people `NAME => value`, for a shell `NAME='value'`. */
import { pad } from "../core/text-table.ts";

type Vars = Readonly<Record<string, string>>;

/** Sorted and aligned, one line each: line ends within a value are shown as `\n`. */
export function formatVars(vars: Vars): string {
  return formatRows(vars, "", (value) => value);
}

/** The echo of `config:add`: indented, and a long value shortened to its first and last 16 characters. */
export function formatEcho(vars: Vars): string {
  return formatRows(vars, "  ", shorten);
}

function formatRows(vars: Vars, indent: string, show: (value: string) => string): string {
  const names = Object.keys(vars).sort();
  const width = Math.max(0, ...names.map((name) => name.length));
  return names.map((name) => `${indent}${pad(name, width)} => ${oneLine(show(vars[name] ?? ""))}\n`).join("");
}

const WHOLE_MAX = 36;

function shorten(value: string): string {
  const characters = Array.from(value);
  if (characters.length < WHOLE_MAX) return value;
  return `${characters.slice(0, 16).join("")}...${characters.slice(-16).join("")}`;
}

/** Line ends shown as `\\n`. */
export function oneLine(value: string): string {
  return value.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
}

/** What `sh` reads back unchanged. */
export function formatShellVars(vars: Vars): string {
  return Object.keys(vars)
    .sort()
    .map((name) => `${name}=${quoteShell(vars[name] ?? "")}\n`)
    .join("");
}

function quoteShell(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
