/** The segments of one stream: their names, and read handles that readers share while they need them. */
import { open, readdir } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { formatStamp, parseStamp } from "../core/log-line.ts";

/** A place in the stream: everything before `offset` of `segment`, and every older segment. */
export interface Position {
  /** Empty while the stream has no segment. */
  segment: string;
  offset: number;
}

const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{6})Z\.ndjson$/;

/** `20110619T083519.123456Z.ndjson`: the names sort as their lines do. */
export function segmentName(us: number): string {
  return `${formatStamp(us).replace(/[-:]/g, "")}.ndjson`;
}

/** The stamp in the name, or undefined for a file that is no segment. */
export function segmentUs(name: string): number | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, micros] = match as unknown as string[];
  return parseStamp(
    `${String(year)}-${String(month)}-${String(day)}T${String(hour)}:${String(minute)}:${String(second)}.${String(micros)}Z`,
  );
}

export function indexName(segment: string): string {
  return segment.replace(/\.ndjson$/, ".idx");
}

/** Oldest first. */
export async function listSegments(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => segmentUs(name) !== undefined).sort();
}

export class SegmentFiles {
  readonly dir: string;
  /** Whether nobody may write into the directory, not even an index. */
  readonly isReadOnly: boolean;
  private readonly shared = new Map<string, { handle: Promise<FileHandle>; users: number }>();

  constructor(dir: string, { isReadOnly = false } = {}) {
    this.dir = dir;
    this.isReadOnly = isReadOnly;
  }

  /** Lends a read handle; everybody who uses the segment at the same time gets the same one. */
  async use<T>(segment: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
    const entry = this.acquire(segment);
    try {
      return await work(await entry.handle);
    } finally {
      await this.release(segment);
    }
  }

  /** Keeps the handle open until `release`, for the segment that followers return to all the time. */
  acquire(segment: string): { handle: Promise<FileHandle> } {
    const known = this.shared.get(segment);
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const entry = { handle: open(join(this.dir, segment), "r"), users: 1 };
    // Who uses it is told; without a user nobody needs to know.
    entry.handle.catch(() => undefined);
    this.shared.set(segment, entry);
    return entry;
  }

  async release(segment: string): Promise<void> {
    const entry = this.shared.get(segment);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.shared.delete(segment);
    const handle = await entry.handle.catch(() => undefined);
    await handle?.close();
  }
}
