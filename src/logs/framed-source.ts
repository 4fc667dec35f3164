/** Reads a cold segment: only the frames that hold what is asked for, decompressed in the thread pool. A file without its
 *  table, made by somebody else's gzip, is decompressed whole. Where a file is damaged its lines end. */
import type { FileHandle } from "node:fs/promises";
import { AppError } from "../core/error.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { Codec, Frame } from "./frames.ts";
import type { SegmentSource } from "./segment-source.ts";

/** Neighbouring blocks are in the same frame, and whoever reads on comes back at once. */
const KEPT_FRAMES_MAX = 8;

export class FramedSource implements SegmentSource {
  private readonly handle: FileHandle;
  private readonly codec: Codec;
  private readonly frames: readonly Frame[];
  private readonly mtimeMs: number;
  /** By number. */
  private readonly kept = new RecentMap<number, Promise<Buffer | undefined>>(KEPT_FRAMES_MAX);

  private constructor(handle: FileHandle, codec: Codec, facts: { frames: readonly Frame[]; mtimeMs: number }) {
    this.handle = handle;
    this.codec = codec;
    this.frames = facts.frames;
    this.mtimeMs = facts.mtimeMs;
  }

  /** Takes the handle over. */
  static async open(handle: FileHandle, codec: Codec, segment: string): Promise<FramedSource> {
    try {
      const { size, mtimeMs } = await handle.stat();
      const frames = (await readTable(handle, codec, { size, segment })) ?? (await wholeFile(handle, codec, size));
      return new FramedSource(handle, codec, { frames, mtimeMs });
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async size(): Promise<number> {
    const last = this.frames.at(-1);
    return last === undefined ? 0 : last.rawAt + last.rawBytes;
  }

  async changedMs(): Promise<number> {
    return this.mtimeMs;
  }

  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    const wanted: { raw: Promise<Buffer | undefined>; rawAt: number }[] = [];
    for (let number = this.frameAt(position); number < this.frames.length; number += 1) {
      const { rawAt } = this.frames[number] as Frame;
      if (rawAt >= position + length) break;
      wanted.push({ raw: this.frame(number), rawAt });
    }
    let end = position;
    for (const { raw, rawAt } of wanted) {
      const bytes = await raw;
      if (bytes === undefined) break;
      end += bytes.copy(buffer, end - position, end - rawAt, position + length - rawAt);
    }
    return end - position;
  }

  /** The number of the frame that holds the place; the count of frames when none does. */
  private frameAt(position: number): number {
    let [low, high] = [0, this.frames.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { rawAt, rawBytes } = this.frames[middle] as Frame;
      if (rawAt + rawBytes <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private frame(number: number): Promise<Buffer | undefined> {
    const known = this.kept.get(number);
    if (known !== undefined) return known;
    const raw = this.decompress(this.frames[number] as Frame);
    this.kept.set(number, raw);
    return raw;
  }

  private async decompress({ at, bytes, rawBytes }: Frame): Promise<Buffer | undefined> {
    const raw = await tryDecompress(this.codec, await readExactly(this.handle, bytes, at));
    return raw?.length === rawBytes ? raw : undefined;
  }

  async close(): Promise<void> {
    // A read that met damage has not waited for the frames behind it.
    await Promise.allSettled(this.kept.values());
    await this.handle.close();
  }
}

async function readTable(
  handle: FileHandle,
  codec: Codec,
  file: { size: number; segment: string },
): Promise<Frame[] | undefined> {
  const { size, segment } = file;
  if (size < codec.tailBytes) return undefined;
  const bytes = codec.tableBytes(await readExactly(handle, codec.tailBytes, size - codec.tailBytes));
  if (bytes === 0 || bytes > size) return undefined;
  return codec.decodeTable(await readExactly(handle, bytes, size - bytes), size, segment);
}

async function wholeFile(handle: FileHandle, codec: Codec, size: number): Promise<Frame[]> {
  const raw = await tryDecompress(codec, await readExactly(handle, size, 0));
  return raw === undefined ? [] : [{ at: 0, bytes: size, rawAt: 0, rawBytes: raw.length }];
}

/** Undefined when the bytes are damaged.
 *  @throws AppError unavailable when this Node cannot read them at all. */
async function tryDecompress(codec: Codec, bytes: Buffer): Promise<Buffer | undefined> {
  if (!codec.isAvailable) {
    throw new AppError("unavailable", "A part of the log is compressed by zstd, which this Node cannot read.", {
      hint: "Run the platform with Node 22.15 or newer; zstdcat reads the files too.",
    });
  }
  try {
    return await codec.decompress(bytes);
  } catch {
    return undefined;
  }
}

async function readExactly(handle: FileHandle, length: number, position: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
