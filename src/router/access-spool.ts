/** Where a router process puts its access lines: one O_APPEND file for each app, `apps/<app>/router/<name>`, which the
 *  daemon reads as it reads what processes write. A line is in the file before its request is over, so that neither side
 *  can be killed between the two. Files are named by the router and a number: `turn` begins new ones, and what the
 *  older ones hold is whole from then on, to be read to the end and removed.
 *  Line: 16 digits, microseconds since the epoch · a blank · the text (docs/formats.md, "Access spools"). */
import { closeSync, fstatSync, openSync, write, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { errorHead } from "../core/error-codes.ts";
import type { Clock } from "../core/clock.ts";
import { ROUTER_DIRECTORY } from "./wire.ts";

const writeLater = promisify(write);

export interface AccessSpoolOptions {
  /** Holds a directory for each app. */
  readonly appsDirectory: string;
  /** The router's. */
  readonly id: string;
  readonly clock: Clock;
  /** New files have begun because one had grown large. */
  readonly onTurned: (name: string) => void;
  readonly fileBytesMax?: number;
  /** Of lines that wait for a disk that takes none. */
  readonly waitingBytesMax?: number;
}

const FILE_BYTES_MAX = 64 * 1024 * 1024;
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
const OPEN_FILES_MAX = 256;
/** A slow disk slows no request: so many slow writes in a row, or one that took very long, send the next ones to the
 *  thread pool for a while. One alone is mostly a processor that is busy. */
const SLOW_MS = 3;
const SLOW_IN_A_ROW = 4;
const VERY_SLOW_MS = 100;
const CAREFUL_MS = 10_000;
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 15_000;
const NEWLINE = 10;

export class AccessSpool {
  private readonly options: AccessSpoolOptions;
  private readonly files = new Map<string, SpoolFile>();
  private readonly pace = new Pace();
  private number = 1;
  private turning: Promise<string> | undefined;

  constructor(options: AccessSpoolOptions) {
    this.options = options;
  }

  get name(): string {
    return `${this.options.id}.${String(this.number).padStart(6, "0")}`;
  }

  append(app: string, lines: readonly string[]): void {
    const time = String(Math.floor(this.options.clock.now() * 1000)).padStart(16, "0");
    const file = this.fileOf(app);
    let text = "";
    for (const line of lines) text += `${time} ${line}\n`;
    file.append(text, lines.length);
    if (file.bytes < (this.options.fileBytesMax ?? FILE_BYTES_MAX) || this.turning !== undefined) return;
    void this.turn().then((name) => this.options.onTurned(name));
  }

  /** Begins new files; resolves with their name when nothing is being written to an older one. */
  turn(): Promise<string> {
    this.turning ??= this.moveAll().finally(() => {
      this.turning = undefined;
    });
    return this.turning;
  }

  private async moveAll(): Promise<string> {
    this.number += 1;
    const { name } = this;
    await Promise.all([...this.files.values()].map((file) => file.moveTo(this.pathOf(file.app))));
    return name;
  }

  /** The app is gone. */
  forget(app: string): void {
    void this.files.get(app)?.close();
    this.files.delete(app);
  }

  /** Resolves when everything is written that can be. */
  async close(): Promise<void> {
    await Promise.all([...this.files.values()].map((file) => file.close()));
    this.files.clear();
  }

  private fileOf(app: string): SpoolFile {
    let file = this.files.get(app);
    // The one used last stands last.
    if (file !== undefined) this.files.delete(app);
    else {
      this.limitOpenFiles();
      file = new SpoolFile(app, this.pathOf(app), this.pace, this.options.waitingBytesMax ?? WAITING_BYTES_MAX);
    }
    this.files.set(app, file);
    return file;
  }

  private limitOpenFiles(): void {
    for (const [app, file] of this.files) {
      if (this.files.size < OPEN_FILES_MAX) return;
      if (file.isIdle) this.forget(app);
    }
  }

  private pathOf(app: string): string {
    return join(this.options.appsDirectory, app, ROUTER_DIRECTORY, this.name);
  }
}

/** Whether the disk is quick enough to be waited for. */
class Pace {
  private carefulUntil = 0;
  private slowInARow = 0;

  get isCareful(): boolean {
    return this.carefulUntil !== 0 && performance.now() < this.carefulUntil;
  }

  timed(call: () => number): number {
    const begin = performance.now();
    const value = call();
    const end = performance.now();
    this.slowInARow = end - begin > SLOW_MS ? this.slowInARow + 1 : 0;
    if (end - begin > VERY_SLOW_MS || this.slowInARow >= SLOW_IN_A_ROW) {
      this.carefulUntil = end + CAREFUL_MS;
      this.slowInARow = 0;
    }
    return value;
  }
}

class SpoolFile {
  readonly app: string;
  /** In the open file. */
  bytes = 0;
  /** Where lines go to from now on. */
  private path: string;
  private readonly pace: Pace;
  private readonly waitingBytesMax: number;
  private opened: { readonly path: string; readonly fd: number } | undefined;
  /** Lines that could not be written yet, the older ones as bytes, of which the open file has the first `done`. */
  private bytesWaiting: Buffer = Buffer.alloc(0);
  private done = 0;
  private linesWaiting: string[] = [];
  private waitingSize = 0;
  private dropped = 0;
  private pumping: Promise<void> | undefined;
  /** The write under way in the thread pool. */
  private writing: Promise<unknown> | undefined;
  private readonly closing = new AbortController();

  constructor(app: string, path: string, pace: Pace, waitingBytesMax: number) {
    this.app = app;
    this.path = path;
    this.pace = pace;
    this.waitingBytesMax = waitingBytesMax;
  }

  get isIdle(): boolean {
    return this.pumping === undefined;
  }

  append(text: string, lines: number): void {
    if (this.pumping === undefined && !this.pace.isCareful) {
      const written = this.writeNow(text);
      if (written === text.length) return;
      this.done = written;
    }
    this.wait(text, lines);
  }

  /** How many bytes the file took: lines are ASCII. */
  private writeNow(text: string): number {
    try {
      const fd = this.open();
      const written = this.pace.timed(() => writeSync(fd, text, null, "latin1"));
      this.bytes += written;
      return written;
    } catch {
      return 0;
    }
  }

  /** Only while nothing is being written.
   *  @throws ENOENT when the app is gone, ENOSPC … */
  private open(): number {
    if (this.opened?.path === this.path) return this.opened.fd;
    this.closeFile();
    const fd = openSync(this.path, "a", 0o600);
    this.opened = { path: this.path, fd };
    this.bytes = fstatSync(fd).size;
    return fd;
  }

  private wait(text: string, lines: number): void {
    if (this.waitingSize > this.waitingBytesMax) {
      this.dropped += lines;
      return;
    }
    this.linesWaiting.push(text);
    this.waitingSize += text.length;
    this.pumping ??= this.pump().finally(() => {
      this.pumping = undefined;
    });
  }

  private async pump(): Promise<void> {
    let pauseMs = RETRY_FIRST_MS;
    while (this.waitingSize > 0) {
      if (await this.writeWaiting()) {
        pauseMs = RETRY_FIRST_MS;
        this.tellDropped();
        continue;
      }
      if (this.closing.signal.aborted) return;
      await sleep(pauseMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, RETRY_LAST_MS);
    }
  }

  /** False when the disk took nothing. */
  private async writeWaiting(): Promise<boolean> {
    try {
      const fd = this.open();
      const bytes = this.gather();
      const writing = writeLater(fd, bytes, this.done, bytes.length - this.done, null);
      this.writing = writing;
      const { bytesWritten } = await writing;
      this.bytes += bytesWritten;
      this.done += bytesWritten;
      if (this.done === bytes.length) this.forgetFirst(this.done);
      return bytesWritten > 0;
    } catch (error) {
      // Nobody will ever read what an app that is gone has served.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") this.forgetFirst(this.gather().length);
      return false;
    } finally {
      this.writing = undefined;
    }
  }

  private gather(): Buffer {
    if (this.linesWaiting.length > 0) {
      this.bytesWaiting = Buffer.concat([this.bytesWaiting, Buffer.from(this.linesWaiting.join(""), "latin1")]);
      this.linesWaiting = [];
    }
    return this.bytesWaiting;
  }

  private forgetFirst(bytes: number): void {
    this.bytesWaiting = this.bytesWaiting.subarray(bytes);
    this.waitingSize -= bytes;
    this.done = 0;
  }

  private tellDropped(): void {
    if (this.dropped === 0) return;
    const text = `${errorHead("L12")}: ${String(this.dropped)} messages of the router dropped while the log could not be written.`;
    this.dropped = 0;
    // Without a time of its own: the reader gives it that of the line before.
    this.wait(`${"0".repeat(16)} ${text}\n`, 1);
  }

  /** Resolves when nothing is being written to another file. */
  async moveTo(path: string): Promise<void> {
    this.path = path;
    await this.writing?.catch(() => undefined);
    if (this.opened?.path !== path) this.closeFile();
  }

  /** A line that the file has in part is written whole to the next one: a reader takes no line without its end. */
  private closeFile(): void {
    if (this.opened === undefined) return;
    closeSync(this.opened.fd);
    this.opened = undefined;
    this.bytes = 0;
    if (this.done > 0) this.forgetFirst(this.bytesWaiting.lastIndexOf(NEWLINE, this.done - 1) + 1);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.pumping;
    this.closeFile();
  }
}
