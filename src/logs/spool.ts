/** One spool: the O_APPEND file that is the stdout and stderr of a process, read behind a cursor. It holds no bytes:
 *  a line that is not finished yet is read again when it grows. */
import { isUtf8 } from "node:buffer";
import { fstatSync } from "node:fs";
import { constants, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { BulkEncoder } from "./bulk-encoder.ts";
import type { Cursor } from "./cursor-file.ts";
import type { Journal } from "./journal.ts";
import { errorHead } from "../core/error-codes.ts";
import { formatDate } from "../core/duration.ts";
import { countNewlines } from "./count-newlines.ts";
import { LEVELS } from "./level.ts";
import { encodeRun, type EncodeOptions } from "./line-encoder.ts";
import { LineHeads } from "./line-head.ts";
import { readAt, readNow } from "./quick-io.ts";
import { FEW_BYTES, PartScanner, StampedScanner } from "./raw-parts.ts";
import { SpoolWatch } from "./spool-watch.ts";
import type { Look } from "./spool-watch.ts";
import type { Stamper } from "./stamper.ts";

export interface SpoolSource {
  /** Unique for each start of a process, for ever. */
  id: string;
  path: string;
  ps: string;
  release: number | undefined;
  /** Its lines are the platform's own, and each begins with its time (docs/formats.md, "Access spools"). */
  isStamped?: boolean;
}

interface Destination {
  journal: Journal;
  stamper: Stamper;
}

/** One turn of a spool; then it is the next one's. */
export const READ_BYTES = 256 * 1024;
const NEWLINE = 10;
/** The first of LEVELS. */
const NO_LEVEL = 0;

export class Spool {
  readonly source: SpoolSource;
  /** Raw bytes before this are in a batch, though perhaps not stored yet. */
  offset: number;
  /** Whether the process is gone: the end of the file is the end of the last line. */
  isEnding = false;
  /** Whether there may be more than was read last. */
  isBehind = true;
  /** Bytes given back to the disk. */
  punched = 0;
  private isLater: boolean;
  /** When it was read last. */
  private readUs = 0;
  private readonly heads: LineHeads;
  private handle: FileHandle | undefined;
  private watch: SpoolWatch | undefined;

  constructor(source: SpoolSource, cursor: Cursor) {
    this.source = source;
    this.offset = cursor.offset;
    this.isLater = cursor.isLater;
    const { ps, release, isStamped } = source;
    this.heads = new LineHeads({ ps, source: isStamped === true ? "heroku" : "app", release });
  }

  async open(onChange: Look): Promise<void> {
    this.handle = await open(this.source.path, constants.O_RDONLY | constants.O_CREAT, 0o600);
    const { size } = await this.handle.stat();
    this.offset = Math.min(this.offset, size);
    this.watch = new SpoolWatch(this.source.path, onChange);
  }

  /** Reads once and adds what is whole to the journal's batch; true when there may be more. */
  async read(buffer: Buffer, journal: Journal, stamper: Stamper): Promise<boolean> {
    const { handle } = this;
    if (handle === undefined) return false;
    const bytesRead = await readAt(handle, buffer, READ_BYTES, this.offset);
    return this.take(handle, buffer.subarray(0, bytesRead), { journal, stamper });
  }

  /** The same within this turn of the event loop. */
  readNow(buffer: Buffer, journal: Journal, stamper: Stamper): boolean {
    const { handle } = this;
    if (handle === undefined) return false;
    const bytesRead = readNow(handle, buffer, READ_BYTES, this.offset);
    return this.take(handle, buffer.subarray(0, bytesRead), { journal, stamper });
  }

  private take(handle: FileHandle, raw: Buffer, { journal, stamper }: Destination): boolean {
    this.watch?.found(raw.length);
    if (raw.length === 0) return this.restartWhenCut(handle, journal);
    const isAtEnd = raw.length < READ_BYTES;
    this.isBehind = !isAtEnd;
    if (this.source.isStamped === true) this.encodeStamped(raw, journal, stamper);
    else {
      this.readUs = stamper.now();
      this.encode(new PartScanner(raw, this.isLater, this.isEnding && isAtEnd), journal, { us: this.readUs });
    }
    return !isAtEnd;
  }

  /** What has no end was being written when its writer was killed: the request that it is about never came to its end. */
  private encodeStamped(raw: Buffer, journal: Journal, stamper: Stamper): void {
    const scanner = new StampedScanner(raw, this.isLater, false);
    this.encode(scanner, journal, { us: () => stamper.at(scanner.us), level: NO_LEVEL });
  }

  /** Bytes that the process has written and nobody has read. */
  backlog(): number {
    return this.handle === undefined ? 0 : fstatSync(this.handle.fd).size - this.offset;
  }

  /** Passes over all but about the newest `kept` bytes, up to the end of a line, and tells it in the journal, together
   *  with the new place: either both are stored or none. */
  async passOver(buffer: Buffer, kept: number, { journal, stamper }: Destination): Promise<void> {
    const { handle } = this;
    const target = this.offset + this.backlog() - kept;
    if (handle === undefined || target <= this.offset) return;
    let [lines, end] = [0, this.offset];
    for (let at = this.offset; at < target;) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(READ_BYTES, target - at), at);
      if (bytesRead === 0) break;
      const whole = buffer.lastIndexOf(NEWLINE, bytesRead - 1) + 1;
      if (whole > 0) end = at + whole;
      lines += countNewlines(buffer, whole);
      at += bytesRead;
    }
    // Within one long line: what follows is a later part of it.
    this.isLater = lines === 0;
    this.offset = lines === 0 ? target : end;
    this.tellLoss(Math.max(1, lines), { journal, stamper });
  }

  private tellLoss(lines: number, { journal, stamper }: Destination): void {
    const us = stamper.now();
    const since = formatDate(Math.floor((this.readUs || us) / 1000)).replace("Z", "+00:00");
    const { id, ps } = this.source;
    const text = `${errorHead("L12")}: ${String(lines)} messages dropped since ${since}. ${ps} printed more than log-rate allows.\n`;
    const heads = new LineHeads({ ps: "logplex", source: "heroku" });
    const options = { us, cleanUntil: text.length, level: LEVELS.indexOf("warning") };
    const run = encodeRun(new PartScanner(Buffer.from(text), false, true), journal.sink, heads, options);
    journal.add({ ...run, spool: id, to: this.offset, isLater: this.isLater, isLoss: true });
    this.readUs = us;
  }

  private encode(scanner: PartScanner, journal: Journal, stated: Omit<EncodeOptions, "cleanUntil">): void {
    const { src } = scanner;
    const options = { ...stated, cleanUntil: src.length < FEW_BYTES ? asciiUntil(src) : utf8Until(src) };
    const { heads } = this;
    const bulk = src.length < FEW_BYTES ? undefined : BulkEncoder.begin(scanner, heads, options);
    while (scanner.next < src.length) {
      const run = bulk?.next(scanner, journal.sink) ?? encodeRun(scanner, journal.sink, heads, options);
      if (run.lines === 0) break;
      const to = this.offset + scanner.next;
      journal.add({ ...run, spool: this.source.id, to, isLater: scanner.nextIsLater });
    }
    this.offset += scanner.next;
    this.isLater = scanner.nextIsLater;
  }

  /** A file that became shorter was emptied by somebody: what it holds now is new. */
  private restartWhenCut(handle: FileHandle, journal: Journal): boolean {
    const { size } = fstatSync(handle.fd);
    if (size >= this.offset) return false;
    journal.endPlan();
    this.offset = 0;
    this.isLater = false;
    return true;
  }

  close(): Promise<void> {
    this.watch?.close();
    const { handle } = this;
    this.handle = undefined;
    return handle?.close() ?? Promise.resolve();
  }
}

/** The end of the last line, if all lines are UTF-8, else 0. */
function utf8Until(src: Buffer): number {
  const whole = src.lastIndexOf(NEWLINE) + 1;
  return isUtf8(src.subarray(0, whole)) ? whole : 0;
}

/** The same of a few bytes, if all are ASCII: a loop is sooner done than a function of Node's that slept. */
function asciiUntil(src: Buffer): number {
  let whole = 0;
  for (let at = 0; at < src.length; at += 1) {
    const byte = src[at] as number;
    if (byte >= 0x80) return utf8Until(src);
    if (byte === NEWLINE) whole = at + 1;
  }
  return whole;
}
