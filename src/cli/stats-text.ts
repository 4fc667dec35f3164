/** What `logs:stats` prints: numbers to the right, a line of bars at the end of each row. */
import type { LineCounts, LogStats, RequestCounts, StatsGroup } from "../core/log-stats.ts";
import { sparkline, valuesPerBar } from "../core/sparkline.ts";
import { cut, pad } from "../core/text-table.ts";

export interface StatsStyle {
  /** Characters of a line. */
  columns: number;
  /** Whether Unicode's blocks may be used. */
  unicode: boolean;
}

const NAME_WIDTH_MAX = 48;
const BARS_MIN = 10;
const BARS_MAX = 60;
const TITLES: Readonly<Record<string, string>> = {
  ps: "Process",
  release: "Release",
  level: "Level",
  status: "Status",
  path: "Path",
};
const HOUR_S = 3600;
const DAY_S = 86_400;

/** Not for an answer without lines. */
export function formatStats(stats: LogStats, style: StatsStyle): string {
  const rows = stats.by === null ? overview(stats) : table(stats);
  const widths = columnWidths(rows);
  const room = style.columns - widths.reduce((sum, width) => sum + width + 2, 0);
  const width = Math.min(BARS_MAX, Math.max(BARS_MIN, room));
  const length = rows.find(({ counts }) => counts !== undefined)?.counts?.length ?? 0;
  const span = formatSpan(stats.every * valuesPerBar(length, width));
  const lines = rows.map((row) => {
    const bars = row.isHead ? `Per ${span}` : sparkline(row.counts ?? [], { width, unicode: style.unicode });
    const cells = row.cells.map((cell, index) =>
      index === 0 ? pad(cell, widths[0] ?? 0) : cell.padStart(widths[index] ?? 0),
    );
    return [...cells, row.counts === undefined && !row.isHead ? (row.note ?? "") : bars].join("  ").trimEnd();
  });
  const head = `From ${String(stats.from)} to ${String(stats.to)}`;
  return [stats.by === null ? `${head}, ${span} a mark` : head, "", ...lines].map((line) => `${line}\n`).join("");
}

interface Row {
  /** The name first. */
  cells: string[];
  isHead?: boolean;
  counts?: readonly number[];
  /** In the place of bars. */
  note?: string;
}

function columnWidths(rows: readonly Row[]): number[] {
  const length = Math.max(...rows.map(({ cells }) => cells.length));
  return Array.from({ length }, (_, index) =>
    Math.max(...rows.map(({ cells }) => Array.from(cells[index] ?? "").length)),
  );
}

function overview({ lines, requests }: LogStats): Row[] {
  const rows: Row[] = [];
  if (lines !== null) {
    rows.push({ cells: ["Lines", String(lines.lines)], counts: lines.counts });
    rows.push({ cells: ["Errors", String(lines.errors)], note: share(lines.errors, lines.lines) });
  }
  if (requests === null || requests.requests === 0) return rows;
  rows.push({ cells: ["Requests", String(requests.requests)], counts: requests.counts });
  rows.push({ cells: ["Failed", String(requests.failed)], note: share(requests.failed, requests.requests) });
  if (requests.service_ms === null) return rows;
  const { p50, p95, p99, max } = requests.service_ms;
  rows.push({ cells: ["Service", ""], note: `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, max ${ms(max)}` });
  return rows;
}

function table(stats: LogStats): Row[] {
  const title = TITLES[stats.by ?? ""] ?? "";
  const groups = [...stats.groups, ...(stats.other === null ? [] : [{ name: "other", ...stats.other }])];
  if (stats.requests !== null) {
    const isByRelease = stats.by === "release";
    const head = { cells: [title, "Requests", "Errors", "p50", "p95", "p99"], isHead: true };
    return [head, ...groups.map((group, index) => requestRow(group, isByRelease ? groups[index - 1] : undefined))];
  }
  return [{ cells: [title, "Lines", "Errors"], isHead: true }, ...groups.map((group) => lineRow(group))];
}

function lineRow(group: StatsGroup): Row {
  const { name, lines, errors, counts } = group as { name: string } & LineCounts;
  return { cells: [cut(name, NAME_WIDTH_MAX), String(lines), String(errors)], counts };
}

/** With the change against the release before it. */
function requestRow(group: StatsGroup, before: StatsGroup | undefined): Row {
  const { name, requests, failed, service_ms: service, counts } = group as { name: string } & RequestCounts;
  const old = (before as RequestCounts | undefined)?.service_ms ?? null;
  const times = (["p50", "p95", "p99"] as const).map((which) =>
    service === null ? "" : ms(service[which]) + change(service[which], old?.[which]),
  );
  return { cells: [cut(name, NAME_WIDTH_MAX), String(requests), share(failed, requests), ...times], counts };
}

/** ` (+40%)` */
function change(now: number, before: number | undefined): string {
  if (before === undefined || before === 0) return "";
  const percent = Math.round((now / before - 1) * 100);
  return ` (${percent < 0 ? "" : "+"}${String(percent)}%)`;
}

function share(part: number, whole: number): string {
  return `${((part / Math.max(1, whole)) * 100).toFixed(1)}%`;
}

function ms(value: number): string {
  return value < 10_000 ? `${String(value)}ms` : `${(value / 1000).toFixed(1)}s`;
}

/** `5m`, `1h`, `7d` */
function formatSpan(seconds: number): string {
  if (seconds % DAY_S === 0) return `${String(seconds / DAY_S)}d`;
  return seconds % HOUR_S === 0 ? `${String(seconds / HOUR_S)}h` : `${String(seconds / 60)}m`;
}
