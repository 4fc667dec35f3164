/** Errors that are alike, as they are met from the oldest line on. There is room for a bounded number of groups; when
 *  it is used up, those that were not seen for longest are forgotten. */
import { errorShape, frameShape } from "../core/error-shape.ts";
import { errorText } from "../core/error-text.ts";
import type { ErrorGroup, LogErrors } from "../core/log-errors.ts";
import { formatDate } from "../core/duration.ts";

export interface MetError {
  text: string;
  frame: string | undefined;
  ps: string;
  us: number;
  /** 0 when it is not known. */
  release: number;
  /** Whether lines of an older release were met before. */
  hasElders: boolean;
}

interface Group {
  count: number;
  firstUs: number;
  lastUs: number;
  release: number;
  isNew: boolean;
  processes: Set<string>;
  message: string;
  frame: string | undefined;
  shape: string;
}

const GROUPS_MAX = 2_000;
const FORGOTTEN_AT_ONCE = GROUPS_MAX / 4;
const PROCESSES_MAX = 20;
const MESSAGE_MAX = 500;
const MS_US = 1000;

export class ErrorGroups {
  private readonly groups = new Map<string, Group>();
  private readonly sinceUs: number;
  /** In the time that was asked for, of groups that were forgotten. */
  private forgotten = { errors: 0, groups: 0 };

  constructor(sinceUs: number) {
    this.sinceUs = sinceUs;
  }

  add(met: MetError): void {
    const text = errorText(met.text);
    const shape = errorShape(text);
    const key = met.frame === undefined ? shape : `${shape}\n${frameShape(met.frame)}`;
    const group = this.groups.get(key) ?? this.begin(key, shape, met);
    group.lastUs = met.us;
    group.message = text.slice(0, MESSAGE_MAX);
    group.frame = met.frame?.trim().slice(0, MESSAGE_MAX);
    if (group.processes.size < PROCESSES_MAX) group.processes.add(met.ps);
    if (met.us >= this.sinceUs) group.count += 1;
  }

  result(max: number): LogErrors {
    const counted = [...this.groups.values()].filter(({ count }) => count > 0);
    const errors = counted.reduce((sum, { count }) => sum + count, 0);
    return {
      groups: counted.sort(moreFirst).slice(0, max).map(toJson),
      total: { errors: errors + this.forgotten.errors, groups: counted.length + this.forgotten.groups },
    };
  }

  private begin(key: string, shape: string, { us, release, hasElders }: MetError): Group {
    if (this.groups.size >= GROUPS_MAX) this.forget();
    const group: Group = {
      count: 0,
      firstUs: us,
      lastUs: us,
      release,
      isNew: release !== 0 && hasElders,
      processes: new Set(),
      message: "",
      frame: undefined,
      shape,
    };
    this.groups.set(key, group);
    return group;
  }

  private forget(): void {
    const oldest = [...this.groups].sort(([, a], [, b]) => a.lastUs - b.lastUs).slice(0, FORGOTTEN_AT_ONCE);
    for (const [key, { count }] of oldest) {
      this.groups.delete(key);
      this.forgotten.errors += count;
      if (count > 0) this.forgotten.groups += 1;
    }
  }
}

function moreFirst(a: Group, b: Group): number {
  return b.count - a.count || b.lastUs - a.lastUs;
}

function toJson(group: Group): ErrorGroup {
  return {
    count: group.count,
    first_seen: formatDate(group.firstUs / MS_US),
    last_seen: formatDate(group.lastUs / MS_US),
    release: group.release === 0 ? null : group.release,
    new: group.isNew,
    processes: [...group.processes].sort(),
    message: group.message,
    frame: group.frame ?? null,
    shape: group.shape,
  };
}
