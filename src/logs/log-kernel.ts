/** The host of the kernel (logs/kernel/log-kernel.ts): WebAssembly with SIMD for the loops over bytes in which a log spends its time.
 *  Each thread has one, made when it is first used, and lends more to those who read long. Where there is none, on a processor without such instructions, the plain
 *  forms do the same. docs/decisions/113-simd-kernel.md. */
import { KERNEL_CODE } from "./kernel-code.ts";

/** Of the little of WebAssembly that is used here; Node's types have none of it. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: unknown };
};

interface KernelExports {
  memory: { buffer: ArrayBuffer };
  prepare(): void;
  encode(from: number, end: number, into: number, level: number): void;
  adler(from: number, length: number, before: number): number;
  search(from: number, end: number, length: number, one: number, two: number, mode: number): void;
  pick(from: number, end: number, length: number, mode: number): void;
}

/** Addresses that are agreed with the kernel. */
const RESULT = 1024;
const HEAD_LENGTHS = 1280;
const HEADS = 2048;
const HEAD_STRIDE = 512;
const SINCE = 0x1c00;
const UNTIL = 0x1c40;
const NEEDLE = 0x2000;
const SOURCE_AT = 0x8000;
/** Room of its own for bytes whose sum is asked for: they stay near the processor. */
const SUM_AT = 0x110000;
const SUM_BYTES = 64 * 1024;
const TARGET = 0x180000;
/** Bytes that are given to it at once. */
export const KERNEL_BYTES_MAX = 1024 * 1024;
/** The same for `pick`: all of it may be picked. */
export const PICK_BYTES_MAX = 511 * 1024;

/** Of a needle, whose length is left to the plain form when it is more. */
export const NEEDLE_BYTES_MAX = 16 * 1024;
const FOLD = 1;
const COUNT = 2;
const ANYWHERE = 4;
const OF_TYPE = 1;
const HAS_SINCE = 2;
const HAS_UNTIL = 4;
const COUNT_PICKED = 8;

export interface KernelRun {
  next: number;
  bytes: number;
  lines: number;
  /** Adler-32 of the bytes. */
  sum: number;
  levels: number;
}

/** Bytes as they are stored, at most NEEDLE_BYTES_MAX, and the places of two of them that are rare: these are looked for. */
export interface Needle {
  bytes: Buffer;
  one: number;
  two: number;
  /** Whether A–Z of what is searched count as a–z. */
  fold: boolean;
  /** Whether it is looked for in heads too; then no hit is sure. */
  anywhere: boolean;
}

/** Lines of one process, or of one type of them, in a time. */
export interface Pick {
  /** The name behind its key, at most NEEDLE_BYTES_MAX. */
  ps: Buffer;
  isType: boolean;
  /** The first stamp that counts, and the first that no longer does. */
  since: Buffer | undefined;
  until: Buffer | undefined;
}

export interface Picked {
  bytes: Buffer;
  lines: number;
  /** Whether each of the bytes' lines begins and ends as the store writes them. */
  areOurs: boolean;
}

/** In the end of a line that the plain form must look at again. */
const DOUBT = 0x80000000;

let module: object | undefined;
const owners = new WeakMap<ArrayBufferLike, LogKernel>();

export class LogKernel {
  private readonly exports: KernelExports;
  private readonly bytes: Buffer;
  private readonly words: Uint32Array;
  private needle = { length: 0, one: 0, two: 0, mode: 0 };

  private constructor(exports: KernelExports) {
    this.exports = exports;
    this.bytes = Buffer.from(exports.memory.buffer);
    this.words = new Uint32Array(exports.memory.buffer);
    owners.set(exports.memory.buffer, this);
    exports.prepare();
  }

  /** Undefined where WebAssembly or its SIMD is missing. */
  static make(): LogKernel | undefined {
    try {
      module ??= new WebAssembly.Module(Buffer.from(KERNEL_CODE, "base64"));
      return new LogKernel(new WebAssembly.Instance(module, {}).exports as KernelExports);
    } catch {
      return undefined;
    }
  }

  /** The kernel that holds the bytes, at most KERNEL_BYTES_MAX, for what follows: that in whose area they are, else the one of this
   *  thread gets them, and what is done with it is done in one turn. Undefined where there is none. */
  static holding(bytes: Buffer): LogKernel | undefined {
    const owner = bytes.byteOffset === SOURCE_AT ? owners.get(bytes.buffer) : undefined;
    const kernel = owner ?? logKernel();
    if (owner === undefined) kernel?.bytes.set(bytes, SOURCE_AT);
    return kernel;
  }

  /** For `encode`: the heads of lines of each level. */
  setHeads(heads: readonly Buffer[]): void {
    for (const [level, head] of heads.entries()) {
      this.bytes.set(head, HEADS + level * HEAD_STRIDE);
      this.words[HEAD_LENGTHS / 4 + level] = head.length;
    }
  }

  /** Encodes lines of what was loaded, which ends behind a newline at `end`, until a block is full or a line must be cut. With a
   *  level, by its number, that is the level of all. */
  encode(from: number, end: number, level: number | undefined): KernelRun {
    this.exports.encode(SOURCE_AT + from, SOURCE_AT + end, TARGET, level ?? -1);
    const bytes = this.result(1);
    return {
      next: this.result(0) - SOURCE_AT,
      bytes,
      lines: this.result(2),
      sum: this.exports.adler(TARGET, bytes, 1) >>> 0,
      levels: this.result(3),
    };
  }

  /** Adler-32, of bytes in the memory of any kernel where they lie. What is held for `encode` and `search` stays. */
  adler(bytes: Buffer): number {
    const owner = owners.get(bytes.buffer);
    if (owner !== undefined) return owner.exports.adler(bytes.byteOffset, bytes.length, 1) >>> 0;
    let sum = 1;
    for (let at = 0; at < bytes.length; at += SUM_BYTES) {
      const piece = bytes.subarray(at, at + SUM_BYTES);
      this.bytes.set(piece, SUM_AT);
      sum = this.exports.adler(SUM_AT, piece.length, sum);
    }
    return sum >>> 0;
  }

  /** What `encode` or `pick` wrote; until the next call. */
  written(bytes: number): Buffer {
    return this.bytes.subarray(TARGET, TARGET + bytes);
  }

  /** Room to read to, for whoever has the kernel alone. */
  get area(): Buffer {
    return this.bytes.subarray(SOURCE_AT, SOURCE_AT + KERNEL_BYTES_MAX);
  }

  /** For `search`. */
  setNeedle({ bytes, one, two, fold, anywhere }: Needle): void {
    this.bytes.set(bytes, NEEDLE);
    this.needle = { length: bytes.length, one, two, mode: (fold ? FOLD : 0) | (anywhere ? ANYWHERE : 0) };
  }

  /** Calls `take` with start and end of each line of what was loaded, which ends behind a newline at `end`, whose message has
   *  the needle, or may have it where that is not sure. With `count` those that are sure are only counted.
   *  @returns how many were counted. */
  search(end: number, count: boolean, take: (start: number, end: number, isSure: boolean) => void): number {
    const { words, needle } = this;
    let counted = 0;
    for (let from = 0; from < end;) {
      words[RESULT / 4] = TARGET;
      const mode = needle.mode | (count ? COUNT : 0);
      this.exports.search(SOURCE_AT + from, SOURCE_AT + end, needle.length, needle.one, needle.two, mode);
      const outEnd = TARGET / 4 + this.result(1) * 2;
      for (let place = TARGET / 4; place < outEnd; place += 2) {
        const [start, stop] = [words[place] as number, words[place + 1] as number];
        take(start - SOURCE_AT, (stop % DOUBT) - SOURCE_AT, stop < DOUBT);
      }
      from = this.result(0) - SOURCE_AT;
      counted += this.result(2);
    }
    return counted;
  }

  /** The lines of what was loaded, at most PICK_BYTES_MAX, which ends behind a newline at `end`, that are picked; next to each other,
   *  until the next call. With `count` they are only counted. */
  pick(end: number, { ps, isType, since, until }: Pick, count: boolean): Picked {
    this.bytes.set(ps, NEEDLE);
    if (since !== undefined) this.bytes.set(since, SINCE);
    if (until !== undefined) this.bytes.set(until, UNTIL);
    const times = (since === undefined ? 0 : HAS_SINCE) | (until === undefined ? 0 : HAS_UNTIL);
    const mode = (isType ? OF_TYPE : 0) | times | (count ? COUNT_PICKED : 0);
    this.exports.pick(SOURCE_AT, SOURCE_AT + end, ps.length, mode);
    return { bytes: this.written(this.result(0)), lines: this.result(1), areOurs: this.result(2) === 1 };
  }

  private result(number: number): number {
    return this.words[RESULT / 4 + number] as number;
  }
}

let shared: LogKernel | undefined | "unknown" = "unknown";

/** The one of this thread. */
export function logKernel(): LogKernel | undefined {
  if (shared === "unknown") shared = LogKernel.make();
  return shared;
}

const spare: LogKernel[] = [];
const SPARE_MAX = 2;

/** One for somebody alone, who reads to its area. */
export function borrowKernel(): LogKernel | undefined {
  return spare.pop() ?? LogKernel.make();
}

export function returnKernel(kernel: LogKernel): void {
  if (spare.length < SPARE_MAX) spare.push(kernel);
}
