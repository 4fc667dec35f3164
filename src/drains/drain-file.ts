/** How far a drain has come (docs/formats.md, "Drains"): records of JSON, one a line, the last whole one counts. A record
 *  is appended before a frame is sent and after it has arrived. Whatever dies when: nothing that is not delivered counts
 *  as delivered, and the frame that was under way is sent again as the same frame. */
import {
  closeSync,
  constants,
  fdatasync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";
import type { Clock } from "../core/clock.ts";
import type { Fault } from "./drain-health.ts";
import { formatPlace, parsePlace, type Place } from "./log-feed.ts";
import type { Loss } from "./loss.ts";

export interface DrainRecord {
  /** Everything before it is delivered, or counted as lost. */
  at: Place;
  /** The frame that is under way ends here, */
  to: Place | undefined;
  /** has so many lines, */
  lines: number;
  /** and after it the log goes on here, when what is between was lost. */
  resume: Place | undefined;
  /** What no frame has told yet. */
  loss: Loss | undefined;
  /** How many messages were delivered so far, and how many lost. */
  delivered: number;
  dropped: number;
  /** Since when it fails, and why. */
  fault: Fault | undefined;
}

const sync = promisify(fdatasync);
const BYTES_MAX = 256 * 1024;
const SYNC_EVERY_MS = 1000;

export class DrainFile {
  /** What an earlier daemon wrote last. */
  readonly last: DrainRecord | undefined;
  readonly #path: string;
  readonly #clock: Clock;
  #fd: number;
  #bytes: number;
  #syncedAt = 0;
  #syncing: Promise<void> | undefined;
  #isTorn = true;

  private constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#fd = open(path, 0);
    const text = readFileSync(this.#fd, "utf8");
    this.#bytes = Buffer.byteLength(text);
    this.last = lastRecord(text);
  }

  /** @throws node's error when the directory takes no file */
  static open(path: string, clock: Clock): DrainFile {
    return new DrainFile(path, clock);
  }

  /** @throws node's error when the disk is full; what was written before counts on */
  write(record: DrainRecord): void {
    // A line that was cut off, by a crash or by a full disk, must not spoil the next.
    const text = `${this.#isTorn && this.#bytes > 0 ? "\n" : ""}${formatRecord(record)}\n`;
    this.#isTorn = true;
    if (this.#bytes > BYTES_MAX) this.#begin(text);
    else this.#bytes += writeSync(this.#fd, text);
    this.#isTorn = false;
    this.#syncSoon();
  }

  async close(): Promise<void> {
    await this.#syncing;
    closeSync(this.#fd);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  /** A new file takes the place of the old one; rare enough to wait for the disk. */
  #begin(text: string): void {
    const temporary = `${this.#path}.tmp`;
    const fd = open(temporary, constants.O_TRUNC);
    try {
      writeSync(fd, text);
      fsyncSync(fd);
      renameSync(temporary, this.#path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    void this.#closeAfterSync(this.#fd, this.#syncing);
    this.#fd = fd;
    this.#bytes = Buffer.byteLength(text);
  }

  async #closeAfterSync(fd: number, syncing: Promise<void> | undefined): Promise<void> {
    await syncing;
    closeSync(fd);
  }

  /** A power cut costs the last second: that is sent again. */
  #syncSoon(): void {
    const now = this.#clock.now();
    if (this.#syncing !== undefined || Math.abs(now - this.#syncedAt) < SYNC_EVERY_MS) return;
    this.#syncedAt = now;
    this.#syncing = sync(this.#fd)
      .catch(() => undefined)
      .then(() => {
        this.#syncing = undefined;
        return undefined;
      });
  }
}

function open(path: string, flags: number): number {
  return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | flags, 0o600);
}

export function formatRecord(record: DrainRecord): string {
  const { at, to, lines, resume, loss, delivered, dropped, fault } = record;
  return JSON.stringify({
    at: formatPlace(at),
    to: to && formatPlace(to),
    lines: to && lines,
    resume: resume && formatPlace(resume),
    loss: loss && { count: loss.count ?? null, since: loss.since },
    delivered,
    dropped,
    fault,
  });
}

export function lastRecord(text: string): DrainRecord | undefined {
  for (const line of text.split("\n").slice(0, -1).toReversed()) {
    const record = parseRecord(line);
    if (record !== undefined) return record;
  }
  return undefined;
}

function parseRecord(line: string): DrainRecord | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const at = parsePlace(value["at"]);
  if (at === undefined) return undefined;
  const loss = value["loss"] as { count: number | null; since: string } | undefined;
  return {
    at,
    to: parsePlace(value["to"]),
    lines: Number(value["lines"] ?? 0),
    resume: parsePlace(value["resume"]),
    loss: loss && { count: loss.count ?? undefined, since: loss.since },
    delivered: Number(value["delivered"] ?? 0),
    dropped: Number(value["dropped"] ?? 0),
    fault: value["fault"] as Fault | undefined,
  };
}
