/** A stored line as people read it. */
import { formatLogText, type LogLine } from "../core/log-line.ts";
import type { Colour, Terminal } from "./terminal.ts";

const COLOURS: readonly Colour[] = ["cyan", "yellow", "green", "magenta", "blue"];

/** One colour for each process type, the same in every run. A line that is not one of ours is shown as it is. */
export function paintLogLine(json: string, out: Terminal): string {
  let line: LogLine;
  try {
    line = JSON.parse(json) as LogLine;
  } catch {
    return json;
  }
  const text = formatLogText(line);
  const head = text.length - line.msg.length;
  const seed = Array.from(line.ps.split(".")[0] ?? "").reduce((sum, character) => sum + character.charCodeAt(0), 0);
  return out.paint(text.slice(0, head - 1), COLOURS[seed % COLOURS.length] ?? "cyan") + text.slice(head - 1);
}
