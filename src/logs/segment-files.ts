/** The segments of one stream: their names, and what readers read them from and share while they need it. */
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { formatStamp, parseStamp } from "../core/log-line.ts";
import { CODECS, usualCodec } from "./frames.ts";
import { openSource } from "./segment-source.ts";
import type { SegmentSource } from "./segment-source.ts";

/** A place in the stream: everything before `offset` of `segment`, and every older segment. */
export interface Position {
  /** Empty while the stream has no segment. */
  segment: string;
  offset: number;
}

/** Below zero when `a` comes first. */
export function comparePositions(a: Position, b: Position): number {
  if (a.segment !== b.segment) return a.segment < b.segment ? -1 : 1;
  return a.offset - b.offset;
}

const ENDING = ".ndjson";
/** `20110619T083519.123456Z` */
const STEM_LENGTH = 23;
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

/** Endings of the files that were derived from a segment and go with it. */
export const DERIVED = [".idx", ".grm", ".min"] as const;

function derivedName(segment: string, ending: (typeof DERIVED)[number]): string {
  return segment.replace(/\.ndjson$/, ending);
}

export const indexName = (segment: string): string => derivedName(segment, ".idx");
export const signatureName = (segment: string): string => derivedName(segment, ".grm");
export const rollupName = (segment: string): string => derivedName(segment, ".min");

/** The form in which a segment is compressed here. */
export const compressedName = (segment: string): string => segment + usualCodec().suffix;

/** The forms that the lines of a segment may have on the disk. */
export function segmentFilesOf(segment: string): string[] {
  return [segment, ...CODECS.map((codec) => segment + codec.suffix)];
}

/** The lines first: what is derived goes at the next start if it is left alone. */
export async function removeSegment(dir: string, segment: string): Promise<void> {
  const derived = DERIVED.map((ending) => derivedName(segment, ending));
  for (const file of [...segmentFilesOf(segment), ...derived]) await rm(join(dir, file), { force: true });
}

/** The segment that a file holds, plain or compressed; undefined for any other file. */
export function segmentOf(file: string): string | undefined {
  const suffix = CODECS.find((codec) => file.endsWith(codec.suffix))?.suffix ?? "";
  const name = file.slice(0, file.length - suffix.length);
  return segmentUs(name) === undefined ? undefined : name;
}

/** What each takes on the disk, with what is derived from it. */
export async function bytesOf(dir: string, segments: readonly string[]): Promise<number[]> {
  const bytes = new Map(segments.map((segment) => [segment.slice(0, -ENDING.length), 0]));
  for (const file of await readdir(dir)) {
    const stem = file.slice(0, STEM_LENGTH);
    const known = bytes.get(stem);
    if (known === undefined) continue;
    bytes.set(stem, known + ((await stat(join(dir, file)).catch(() => undefined))?.size ?? 0));
  }
  return segments.map((segment) => bytes.get(segment.slice(0, -ENDING.length)) ?? 0);
}

/** Oldest first. */
export async function listSegments(dir: string): Promise<string[]> {
  const names = new Set<string>();
  for (const file of await readdir(dir)) {
    const segment = segmentOf(file);
    if (segment !== undefined) names.add(segment);
  }
  return [...names].sort();
}

/** So that a power cut cannot take a new name. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export class SegmentFiles {
  readonly dir: string;
  /** Whether nobody may write into the directory, not even an index. */
  readonly isReadOnly: boolean;
  private readonly shared = new Map<string, { source: Promise<SegmentSource>; users: number }>();

  constructor(dir: string, { isReadOnly = false } = {}) {
    this.dir = dir;
    this.isReadOnly = isReadOnly;
  }

  /** Lends the segment; everybody who uses it at the same time reads from the same open file. */
  async use<T>(segment: string, work: (source: SegmentSource) => Promise<T>): Promise<T> {
    const entry = this.acquire(segment);
    try {
      return await work(await entry.source);
    } finally {
      await this.release(segment);
    }
  }

  /** Keeps the file open until `release`, for the segment that followers return to all the time. */
  acquire(segment: string): { source: Promise<SegmentSource> } {
    const known = this.shared.get(segment);
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const entry = { source: openSource(this.dir, segment), users: 1 };
    // Who uses it is told; without a user nobody needs to know.
    entry.source.catch(() => undefined);
    this.shared.set(segment, entry);
    return entry;
  }

  async release(segment: string): Promise<void> {
    const entry = this.shared.get(segment);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.shared.delete(segment);
    const source = await entry.source.catch(() => undefined);
    await source?.close();
  }
}
