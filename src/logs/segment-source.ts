/** The bytes of a segment, whatever form its file has: plain NDJSON, or frames once it is cold. A place in a segment is
 *  always counted in bytes of NDJSON, so that it stays what it was when the segment is compressed. */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { FramedSource } from "./framed-source.ts";
import { CODECS, usualCodec } from "./frames.ts";
import { ifThere } from "./if-there.ts";
import { mayWait, readAt } from "./quick-io.ts";

export interface SegmentSource {
  /** Bytes of NDJSON. */
  size(): Promise<number>;
  /** When the file was changed last, in milliseconds. */
  changedMs(): Promise<number>;
  /** Fills the start of the buffer; returns how many bytes there were. */
  read(buffer: Buffer, length: number, position: number): Promise<number>;
  close(): Promise<void>;
}

/** More goes through the thread pool, unless this thread may wait. */
const QUICK_BYTES_MAX = 256 * 1024;

export class PlainSource implements SegmentSource {
  private readonly handle: FileHandle;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async changedMs(): Promise<number> {
    return (await this.handle.stat()).mtimeMs;
  }

  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    if (length <= QUICK_BYTES_MAX || mayWait()) return readAt(this.handle, buffer, length, position);
    return (await this.handle.read(buffer, 0, length, position)).bytesRead;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** The plain file counts while it is there: the other takes its place before it goes.
 *  @throws ENOENT when retention removed the segment. */
export async function openSource(dir: string, segment: string): Promise<SegmentSource> {
  const path = join(dir, segment);
  const plain = await ifThere(open(path, "r"));
  if (plain !== undefined) return new PlainSource(plain);
  for (const codec of CODECS) {
    const compressed = await ifThere(open(path + codec.suffix, "r"));
    if (compressed !== undefined) return FramedSource.open(compressed, codec, segment);
  }
  return new PlainSource(await open(path, "r"));
}

/** The compressed form, though the plain one may be there too. */
export async function openCompressed(dir: string, file: string, segment: string): Promise<SegmentSource> {
  const codec = CODECS.find(({ suffix }) => file.endsWith(suffix)) ?? usualCodec();
  return FramedSource.open(await open(join(dir, file), "r"), codec, segment);
}
