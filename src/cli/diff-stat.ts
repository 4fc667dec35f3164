/** The files of a diff as `git diff --stat` shows them: name, count of lines, a graph, and the sums. */
import type { FileItem, ReleaseDiff } from "../api/history-resources.ts";
import { pad } from "../core/text-table.ts";
import type { Colour } from "./terminal.ts";

export type Paint = (text: string, colour: Colour) => string;

const NAME_WIDTH_MAX = 50;
const GRAPH_WIDTH_MAX = 24;

/** Nothing for no files. */
export function formatDiffStat(files: readonly FileItem[], totals: ReleaseDiff["totals"], paint: Paint): string {
  if (totals.files === 0) return "";
  const names = files.map((file) => cutFront(nameOf(file)));
  const counts = files.map((file) => (file.binary ? "Bin" : String(linesOf(file))));
  const nameWidth = Math.max(0, ...lengths(names));
  const countWidth = Math.max(0, ...lengths(counts));
  const largest = files.reduce((most, file) => Math.max(most, linesOf(file)), 0);
  const rows = files.map((file, index) => {
    const graph = drawGraph(file, largest, paint);
    const count = (counts[index] ?? "").padStart(countWidth);
    return ` ${pad(names[index] ?? "", nameWidth)} | ${count}${graph === "" ? "" : ` ${graph}`}\n`;
  });
  const left = totals.files - files.length;
  return `${rows.join("")}${left > 0 ? ` … and ${String(left)} more\n` : ""} ${formatTotals(totals)}\n`;
}

/** `3 files changed, 5 insertions(+), 2 deletions(-)` */
function formatTotals({ files, added, removed }: ReleaseDiff["totals"]): string {
  const parts = [`${count(files, "file")} changed`];
  if (added > 0 || removed === 0) parts.push(`${count(added, "insertion")}(+)`);
  if (removed > 0 || added === 0) parts.push(`${count(removed, "deletion")}(-)`);
  return parts.join(", ");
}

function count(number: number, unit: string): string {
  return `${String(number)} ${unit}${number === 1 ? "" : "s"}`;
}

function linesOf({ added, removed }: FileItem): number {
  return (added ?? 0) + (removed ?? 0);
}

function nameOf({ path, previous_path: before }: FileItem): string {
  return before === null ? quotePath(path) : `${quotePath(before)} => ${quotePath(path)}`;
}

/** Of a long name its end says more. */
function cutFront(name: string): string {
  const characters = Array.from(name);
  return characters.length <= NAME_WIDTH_MAX ? name : `...${characters.slice(3 - NAME_WIDTH_MAX).join("")}`;
}

/** Scaled so that the largest change fills the width; what is there at all has at least one sign. */
function drawGraph(file: FileItem, largest: number, paint: Paint): string {
  const signs = (lines: number): number =>
    largest <= GRAPH_WIDTH_MAX || lines === 0 ? lines : Math.max(1, Math.round((lines * GRAPH_WIDTH_MAX) / largest));
  const [plus, minus] = ["+".repeat(signs(file.added ?? 0)), "-".repeat(signs(file.removed ?? 0))];
  return (plus && paint(plus, "green")) + (minus && paint(minus, "red"));
}

function lengths(texts: readonly string[]): number[] {
  return texts.map((text) => Array.from(text).length);
}

const NAMED: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\" };
/** What would end a line, move a cursor or turn text around; a name with a quote would look like a quoted one. */
const SPECIAL = /["\\\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** As git quotes a file name: in double quotes and with escapes, if it holds anything but plain characters. */
export function quotePath(path: string): string {
  const escaped = path.replace(SPECIAL, (character) => NAMED[character] ?? escapeBytes(character));
  return escaped === path ? path : `"${escaped}"`;
}

/** In octal, byte by byte, as in C. */
function escapeBytes(character: string): string {
  return Array.from(new TextEncoder().encode(character), (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
