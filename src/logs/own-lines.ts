/** What a log says about itself. */
import { formatStamp } from "../core/log-line.ts";
import type { NewLogLine } from "../core/log-line.ts";
import { segmentUs } from "./segment-files.ts";

export function removedLine(oldestKept: string, count: number): NewLogLine {
  const what = count === 1 ? "1 segment" : `${String(count)} segments`;
  const stamp = formatStamp(segmentUs(oldestKept) ?? 0);
  return { ps: "logs", source: "heroku", msg: `Retention removed ${what}: what was before ${stamp}` };
}

export function resumedLine(stalledMs: number, cause: string): NewLogLine {
  const seconds = String(Math.max(1, Math.round(stalledMs / 1000)));
  return {
    ps: "logs",
    source: "heroku",
    level: "warning",
    msg: `Lines of the last ${seconds}s were stored late because ${cause}; what processes wrote was kept.`,
  };
}
