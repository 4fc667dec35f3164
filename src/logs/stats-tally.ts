/** What is counted of one group, and how it is told. */
import { formatDate } from "../core/duration.ts";
import { Histogram } from "../core/histogram.ts";
import type { LineCounts, LogStats, RequestCounts, StatsBy, StatsGroup } from "../core/log-stats.ts";
import { addTo, type Series, type Timeline } from "../core/timeline.ts";

const GROUPS_MAX = 1_000;
/** So many groups are told, those with the most; the rest is `other`. Releases are told whole, the newest of them. */
const GROUPS_TOLD_MAX = 100;
export const UNKNOWN_RELEASE = "unknown";
const MS_US = 1000;
const SECOND_US = 1_000_000;

export class LineTally {
  private readonly timeline: Timeline;
  private readonly series: Series;
  total = 0;
  private errors = 0;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    this.series = timeline.newSeries();
  }

  add(slot: number, level: string | undefined, lines: number): void {
    this.total += lines;
    if (level === "error") this.errors += lines;
    addTo(this.series, slot, lines);
  }

  merge(other: LineTally): void {
    this.total += other.total;
    this.errors += other.errors;
    for (const [slot, count] of other.series.entries()) addTo(this.series, slot, count);
  }

  toJson(): LineCounts {
    return { lines: this.total, errors: this.errors, counts: this.timeline.fill(this.series) };
  }
}

export class RequestTally {
  private readonly timeline: Timeline;
  private readonly series: Series;
  private readonly service = new Histogram();
  total = 0;
  private failed = 0;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    this.series = timeline.newSeries();
  }

  add(slot: number, serviceMs: number | undefined, isFailed: boolean): void {
    this.total += 1;
    if (isFailed) this.failed += 1;
    if (serviceMs !== undefined) this.service.add(serviceMs);
    addTo(this.series, slot, 1);
  }

  merge(other: RequestTally): void {
    this.total += other.total;
    this.failed += other.failed;
    this.service.merge(other.service);
    for (const [slot, count] of other.series.entries()) addTo(this.series, slot, count);
  }

  toJson(): RequestCounts {
    const { service } = this;
    const at = (share: number): number => service.quantile(share) ?? 0;
    const isKnown = service.count > 0;
    return {
      requests: this.total,
      failed: this.failed,
      service_ms: isKnown ? { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: service.max } : null,
      counts: this.timeline.fill(this.series),
    };
  }
}

type Tally = LineTally | RequestTally;

/** Groups by name; once there are many, what has no group yet counts as `other`. */
export class TallyGroups<T extends Tally> {
  private readonly make: () => T;
  private readonly byName = new Map<string, T>();
  private readonly other: T;

  constructor(make: () => T) {
    this.make = make;
    this.other = make();
  }

  of(name: string): T {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    if (this.byName.size >= GROUPS_MAX) return this.other;
    const fresh = this.make();
    this.byName.set(name, fresh);
    return fresh;
  }

  toJson(by: StatsBy | undefined): Pick<LogStats, "groups" | "other"> {
    const { other } = this;
    const sorted = [...this.byName].sort(by === "release" ? newerFirst : moreFirst);
    for (const [, tally] of sorted.slice(GROUPS_TOLD_MAX)) other.merge(tally as LineTally & RequestTally);
    const told = sorted.slice(0, GROUPS_TOLD_MAX);
    if (by === "release") told.reverse();
    const groups = told.map(([name, tally]): StatsGroup => Object.assign({ name }, tally.toJson()));
    return { groups, other: other.total === 0 ? null : other.toJson() };
  }
}

interface Counted {
  by: StatsBy | undefined;
  timeline: Timeline;
  lines: LineTally | undefined;
  requests: RequestTally | undefined;
  groups: TallyGroups<LineTally> | TallyGroups<RequestTally>;
}

export function toStats({ by, timeline, lines, requests, groups }: Counted): LogStats {
  const range = timeline.range;
  return {
    by: by ?? null,
    from: range === undefined ? null : formatDate(range.fromUs / MS_US),
    to: range === undefined ? null : formatDate(range.toUs / MS_US),
    every: timeline.stepUs / SECOND_US,
    lines: lines?.toJson() ?? null,
    requests: requests?.toJson() ?? null,
    ...groups.toJson(by),
  };
}

type Entry = [string, Tally];

function moreFirst([nameA, a]: Entry, [nameB, b]: Entry): number {
  return b.total - a.total || (nameA < nameB ? -1 : 1);
}

/** What has no release is the oldest. */
function newerFirst([a]: Entry, [b]: Entry): number {
  return versionOf(b) - versionOf(a);
}

function versionOf(name: string): number {
  return name === UNKNOWN_RELEASE ? 0 : Number(name.slice(1));
}
