/** Config vars as a shell reads them, which is what `heroku config -s` and `git heroku config --shell` print. Nothing is expanded: a
 *  line that a shell would expand, or whose end it would not see, is refused. */
import { countLines, endOfLine, matchAt, notUnderstood } from "./dotenv-text.ts";

export interface ShellEntry {
  name: string;
  /** Counted from 1. */
  line: number;
  value: string;
}

const LINE_HINT =
  "A line is NAME=value, the value quoted as a shell wants it, without anything that a shell would expand.";
const EMPTY = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
const NAME = /[^\S\n]*(?:export[^\S\n]+)?([\w.-]+)=/y;
const END = /[^\S\n]*(?:\n|$)/y;
/** What a value is put together of, and what each piece says. */
const PIECES: readonly { form: RegExp; read: (text: string) => string }[] = [
  { form: /'([^']*)'/y, read: (text) => text },
  { form: /"((?:[^"\\$`]|\\[^])*)"/y, read: unescape },
  { form: /\\([^\n])/y, read: (text) => text },
  { form: /([^\s'"\\$`;&|<>()#][^\s'"\\$`;&|<>()]*)/y, read: (text) => text },
];

/** The value of a name that is there twice is the last one.
 *  @throws AppError invalid_params naming the lines that are no assignment, which may be pieces of a secret. */
export function scanShell(text: string): ShellEntry[] {
  const entries: ShellEntry[] = [];
  const bad: number[] = [];
  let line = 1;
  for (let at = 0; at < text.length;) {
    const entry = entryAt(text, at);
    const empty = matchAt(EMPTY, text, at);
    if (entry !== undefined) entries.push({ ...entry, line });
    else if (empty === undefined) bad.push(line);
    const end = entry?.end ?? (empty === undefined ? endOfLine(text, at) : at + empty[0].length);
    line += countLines(text.slice(at, end));
    at = end;
  }
  if (bad.length > 0) throw notUnderstood(bad, LINE_HINT);
  return entries;
}

function entryAt(text: string, start: number): { name: string; value: string; end: number } | undefined {
  const name = matchAt(NAME, text, start);
  if (name?.[1] === undefined) return undefined;
  let at = start + name[0].length;
  let value = "";
  for (let piece = pieceAt(text, at); piece !== undefined; piece = pieceAt(text, at)) {
    value += piece.value;
    at = piece.end;
  }
  const end = matchAt(END, text, at);
  return end === undefined ? undefined : { name: name[1], value, end: at + end[0].length };
}

function pieceAt(text: string, at: number): { value: string; end: number } | undefined {
  for (const { form, read } of PIECES) {
    const match = matchAt(form, text, at);
    if (match !== undefined) return { value: read(match[1] ?? ""), end: at + match[0].length };
  }
  return undefined;
}

/** In double quotes. Heroku's client writes a line end as `\n` there, and a backslash always as two. */
function unescape(text: string): string {
  return text.replace(/\\([^])/g, (whole, character: string) => {
    if (character === "n") return "\n";
    if (character === "\n") return "";
    return '"\\$`!'.includes(character) ? character : whole;
  });
}
