/** One spool: the O_APPEND file that is the stdout and stderr of a process, read behind a cursor. It holds no bytes:
 *  a line that is not finished yet is read again when it grows. */
import { isUtf8 } from "node:buffer";
import { fstatSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { constants, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Cursor } from "./cursor-file.ts";
import type { Journal } from "./journal.ts";
import { encodeRun } from "./line-encoder.ts";
import { LineHeads } from "./line-head.ts";
import { readAt } from "./quick-io.ts";
import { PartScanner } from "./raw-parts.ts";

export interface SpoolSource {
  /** Unique for each start of a process, for ever. */
  id: string;
  path: string;
  ps: string;
  release: number | undefined;
}

/** One turn of a spool; then it is the next one's. */
export const READ_BYTES = 256 * 1024;
const NEWLINE = 10;
/** Where files cannot be watched (too many watches), they are looked at this often. */
const POLL_MS = 500;

export class Spool {
  readonly source: SpoolSource;
  /** Raw bytes before this are in a batch, though perhaps not stored yet. */
  offset: number;
  /** Whether the process is gone: the end of the file is the end of the last line. */
  isEnding = false;
  /** Bytes given back to the disk. */
  punched = 0;
  private isLater: boolean;
  private readonly heads: LineHeads;
  private handle: FileHandle | undefined;
  private watcher: FSWatcher | undefined;
  private poll: NodeJS.Timeout | undefined;

  constructor(source: SpoolSource, cursor: Cursor) {
    this.source = source;
    this.offset = cursor.offset;
    this.isLater = cursor.isLater;
    this.heads = new LineHeads({ ps: source.ps, source: "app", release: source.release });
  }

  /** `onChange` is called after every write to the file, and may be called more often. */
  async open(onChange: () => void): Promise<void> {
    this.handle = await open(this.source.path, constants.O_RDONLY | constants.O_CREAT, 0o600);
    const { size } = await this.handle.stat();
    this.offset = Math.min(this.offset, size);
    try {
      this.watcher = watch(this.source.path, onChange);
      this.watcher.on("error", () => this.pollInstead(onChange));
    } catch {
      this.pollInstead(onChange);
    }
  }

  private pollInstead(onChange: () => void): void {
    this.watcher?.close();
    this.poll ??= setInterval(onChange, POLL_MS);
  }

  /** Reads once and adds what is whole to the journal's batch; true when there may be more. */
  async read(buffer: Buffer, journal: Journal, now: () => number): Promise<boolean> {
    const { handle } = this;
    if (handle === undefined) return false;
    const { isEnding } = this;
    const bytesRead = await readAt(handle, buffer, READ_BYTES, this.offset);
    if (bytesRead === 0) return this.restartWhenCut(handle);
    const isAtEnd = bytesRead < READ_BYTES;
    const raw = buffer.subarray(0, bytesRead);
    this.encode(new PartScanner(raw, this.isLater, isEnding && isAtEnd), journal, now());
    return !isAtEnd;
  }

  private encode(scanner: PartScanner, journal: Journal, us: number): void {
    const whole = scanner.src.lastIndexOf(NEWLINE) + 1;
    const cleanUntil = isUtf8(scanner.src.subarray(0, whole)) ? whole : 0;
    for (;;) {
      const run = encodeRun(scanner, journal.sink, this.heads, { us, cleanUntil });
      if (run.lines === 0) break;
      const to = this.offset + scanner.next;
      journal.add({ ...run, spool: this.source.id, to, isLater: scanner.nextIsLater, firstUs: us, lastUs: us });
    }
    this.offset += scanner.next;
    this.isLater = scanner.nextIsLater;
  }

  /** A file that became shorter was emptied by somebody: what it holds now is new. */
  private restartWhenCut(handle: FileHandle): boolean {
    const { size } = fstatSync(handle.fd);
    if (size >= this.offset) return false;
    this.offset = 0;
    this.isLater = false;
    return true;
  }

  close(): Promise<void> {
    clearInterval(this.poll);
    this.watcher?.close();
    const { handle } = this;
    this.handle = undefined;
    return handle?.close() ?? Promise.resolve();
  }
}
