/** A stored line as people read it. */
import { formatLogText, type LogLine } from "../core/log-line.ts";
import type { Colour, Terminal } from "./terminal.ts";

const COLOURS: readonly Colour[] = ["cyan", "yellow", "green", "magenta", "blue"];

/** One colour for each process type, the same in every run. A line that is not one of ours is shown as it is. */
export function paintLogLine(json: string, out: Terminal): string {
  const line = parseLine(json);
  if (line === undefined) return json;
  const text = formatLogText(line);
  const head = text.length - line.msg.length;
  const seed = Array.from(line.ps.split(".")[0] ?? "").reduce((sum, character) => sum + character.charCodeAt(0), 0);
  return out.paint(text.slice(0, head - 1), COLOURS[seed % COLOURS.length] ?? "cyan") + text.slice(head - 1);
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
