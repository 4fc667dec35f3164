/** Stored lines as people and programs read them. */
import { Readable } from "node:stream";
import { formatLogText, type LogLine } from "../core/log-line.ts";
import { closeColours } from "../core/terminal-text.ts";
import type { Colour, Terminal } from "./terminal.ts";

const COLOURS: readonly Colour[] = ["cyan", "yellow", "green", "magenta", "blue"];
/** Of a line as the platform writes it, up to its message, which goes on to `"}`. */
const HEAD =
  /^\{"ts":"([^"\\]{19})\.\d{6}Z","ps":"([^"\\]+)","source":"(app|heroku)"(?:,"release":\d+)?(?:,"level":"\w+")?(?:,"cont":\d+)?,"msg":"/;
const TAIL = '"}';
const NEWLINE = 10;
/** How each line begins and ends that the platform has written, as numbers: a million of them are looked at. */
const BEGINNING = Buffer.from('{"ts":"');
const HEAD_BYTES = BEGINNING.length;
const BEGIN = BEGINNING.readUInt32BE(0);
const BEGIN_END = BEGINNING.readUInt32BE(HEAD_BYTES - 4);
const END = Buffer.from(TAIL).readUInt16BE(0);

/** Whole lines → text, a line each, behind the colour of its process type where there are colours. */
export function formatLines(lines: Buffer, out: Terminal): string {
  let text = "";
  for (const line of lines.toString("utf8").split("\n")) if (line !== "") text += `${textOf(line, out)}\n`;
  return text;
}

/** A line that is not one of ours is shown as it is. */
function textOf(json: string, out: Terminal): string {
  const [head = "", seconds = "", ps = "", source = ""] = HEAD.exec(json) ?? [];
  const msg = head !== "" && json.endsWith(TAIL) ? messageOf(json.slice(head.length, -TAIL.length)) : undefined;
  if (msg !== undefined) return paint(`${seconds}+00:00 ${source}[${ps}]:`, ` ${msg}`, { ps, out });
  const line = parseLine(json);
  if (line === undefined) return json;
  const text = formatLogText(line);
  const end = text.length - line.msg.length - 1;
  return paint(text.slice(0, end), text.slice(end), { ps: line.ps, out });
}

function parseLine(json: string): LogLine | undefined {
  try {
    const line = JSON.parse(json) as Partial<Record<keyof LogLine, unknown>> | null;
    const isOurs = [line?.ts, line?.ps, line?.source, line?.msg].every((value) => typeof value === "string");
    return isOurs ? (line as LogLine) : undefined;
  } catch {
    return undefined;
  }
}

/** What stands between the quotes; most has nothing that needs a parser. */
function messageOf(escaped: string): string | undefined {
  if (!escaped.includes("\\")) return escaped.includes('"') ? undefined : escaped;
  try {
    return JSON.parse(`"${escaped}"`) as string;
  } catch {
    return undefined;
  }
}

/** One colour for each process type, the same in every run. What the message itself colours ends with it. */
function paint(head: string, message: string, { ps, out }: { ps: string; out: Terminal }): string {
  if (!out.isColoured) return head + message;
  const seed = Array.from(ps.split(".")[0] ?? "").reduce((sum, character) => sum + character.charCodeAt(0), 0);
  return out.paint(head, COLOURS[seed % COLOURS.length] ?? "cyan") + closeColours(message);
}

/** For programs: as they were stored. A piece with a line that is none of the platform's is read first, and what is no JSON is
 *  left out, whoever put it there. */
export async function jsonLines(lines: Buffer): Promise<string | Buffer> {
  if (areOurs(lines)) return lines;
  const { default: ndjson } = await import("ndjson");
  const rows: string[] = [];
  // Anything else that is JSON, such as null, would end the stream.
  const objects = lines
    .toString("utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"));
  for await (const row of Readable.from([objects.join("\n")]).pipe(
    ndjson.parse({ strict: false }),
  ) as AsyncIterable<unknown>)
    rows.push(`${JSON.stringify(row)}\n`);
  return rows.join("");
}

/** Whether each line begins and ends as the platform writes them. */
function areOurs(lines: Buffer): boolean {
  const view = new DataView(lines.buffer, lines.byteOffset, lines.length);
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(NEWLINE, at);
    if (end - at < HEAD_BYTES + TAIL.length) return false;
    if (view.getUint32(at) !== BEGIN || view.getUint32(at + 3) !== BEGIN_END) return false;
    if (view.getUint16(end - TAIL.length) !== END) return false;
    at = end + 1;
  }
  return true;
}
