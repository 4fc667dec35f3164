/** The host of the kernel (kernel/log-kernel.ts): WebAssembly with SIMD for the two loops over bytes in which a log spends its time.
 *  Each thread has one, made when it is first used. Where there is none, on a processor without such instructions, the plain
 *  forms do the same. docs/decisions/113-simd-kernel.md. */
import { KERNEL_CODE } from "./kernel-code.ts";

/** Of the little of WebAssembly that is used here; Node's types have none of it. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: unknown };
};

interface KernelExports {
  memory: { buffer: ArrayBuffer };
  encode(from: number, end: number, into: number, level: number): void;
  search(from: number, end: number, length: number, one: number, two: number, mode: number): void;
}

/** Addresses that are agreed with the kernel. */
const RESULT = 1024;
const HEAD_LENGTHS = 1280;
const HEADS = 2048;
const HEAD_STRIDE = 512;
const NEEDLE = 0x2000;
export const SOURCE_AT = 0x8000;
const TARGET = 0x180000;
/** Bytes that are given to it at once. */
export const KERNEL_BYTES_MAX = 1024 * 1024;

/** Of a needle, whose length is left to the plain form when it is more. */
export const NEEDLE_BYTES_MAX = 16 * 1024;
/** In logs the most frequent bytes first; what is not here is rare. */
const FREQUENT = ' e0a1t2o3r4s5i6n7"8d9=cpul-m.:/fbh_gv,\\'.split("").map((char) => char.charCodeAt(0));
const FOLD = 1;
const COUNT = 2;

export interface KernelRun {
  next: number;
  bytes: number;
  lines: number;
  levels: number;
}

export interface KernelHits {
  next: number;
  /** Start and end of each line, counted from SOURCE_AT; the end has DOUBT set where the plain form must look again. Until the next
   *  call. */
  lines: Uint32Array;
  counted: number;
}

export const DOUBT = 0x80000000;

function rank(byte: number): number {
  const at = FREQUENT.indexOf(byte);
  return at === -1 ? FREQUENT.length : at;
}

export class LogKernel {
  private readonly exports: KernelExports;
  private readonly bytes: Buffer;
  private readonly words: Uint32Array;
  private needle = { length: 0, one: 0, two: 0, mode: 0 };

  private constructor(exports: KernelExports) {
    this.exports = exports;
    this.bytes = Buffer.from(exports.memory.buffer);
    this.words = new Uint32Array(exports.memory.buffer);
  }

  /** Undefined where WebAssembly or its SIMD is missing. */
  static make(): LogKernel | undefined {
    try {
      const module = new WebAssembly.Module(Buffer.from(KERNEL_CODE, "base64"));
      return new LogKernel(new WebAssembly.Instance(module, {}).exports as KernelExports);
    } catch {
      return undefined;
    }
  }

  /** What follows is about these bytes, at most KERNEL_BYTES_MAX. */
  load(bytes: Buffer): void {
    this.bytes.set(bytes, SOURCE_AT);
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
    const [next, bytes, lines, levels] = this.results(4) as [number, number, number, number];
    return { next: next - SOURCE_AT, bytes, lines, levels };
  }

  /** What `encode` wrote; until the next call. */
  written(bytes: number): Buffer {
    return this.bytes.subarray(TARGET, TARGET + bytes);
  }

  /** For `search`: bytes as they are stored, at most NEEDLE_BYTES_MAX. With `fold`, A–Z of what is searched count as a–z. */
  setNeedle(needle: Buffer, fold: boolean): void {
    const places = [...needle.subarray(0, 256).entries()].map(([at, byte]) => ({ at, rank: rank(byte) }));
    const [one, two] = places.sort((a, b) => b.rank - a.rank).map(({ at }) => at);
    this.bytes.set(needle, NEEDLE);
    this.needle = { length: needle.length, one: one ?? 0, two: two ?? one ?? 0, mode: fold ? FOLD : 0 };
  }

  /** Finds the lines of what was loaded, which ends behind a newline at `end`, whose message has the needle. With `count` those
   *  that are certain are only counted. */
  search(from: number, end: number, count: boolean): KernelHits {
    const { length, one, two, mode } = this.needle;
    this.words[RESULT / 4] = TARGET;
    this.exports.search(SOURCE_AT + from, SOURCE_AT + end, length, one, two, mode | (count ? COUNT : 0));
    const [next, found, counted] = this.results(3) as [number, number, number];
    const lines = this.words.subarray(TARGET / 4, TARGET / 4 + found * 2);
    return { next: next - SOURCE_AT, lines, counted };
  }

  private results(count: number): number[] {
    return Array.from(this.words.subarray(RESULT / 4, RESULT / 4 + count));
  }
}

let shared: LogKernel | undefined | "unknown" = "unknown";

/** The one of this thread. What is done with it is done in one turn. */
export function logKernel(): LogKernel | undefined {
  if (shared === "unknown") shared = LogKernel.make();
  return shared;
}
