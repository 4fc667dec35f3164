/** The segments of a stream that will not change any more, as plain NDJSON whatever form they are stored
 *  in, for copies elsewhere. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ifThere } from "./if-there.ts";
import { indexName, type SegmentFiles } from "./segment-files.ts";
import type { Snapshot } from "./query.ts";

export interface SealedSegment {
  name: string;
  bytes: number;
}

const READ_BYTES = 256 * 1024;

export class SealedSegments {
  private readonly files: SegmentFiles;
  private readonly segments: readonly string[];

  constructor(files: SegmentFiles, { segments, end }: Snapshot) {
    this.files = files;
    this.segments = segments.filter((segment) => segment !== end.segment);
  }

  /** Oldest first; without those that retention has removed meanwhile. */
  async list(): Promise<SealedSegment[]> {
    const found: SealedSegment[] = [];
    for (const name of this.segments) {
      const bytes = await ifThere(this.files.use(name, (source) => source.size()));
      if (bytes !== undefined) found.push({ name, bytes });
    }
    return found;
  }

  /** The segment, whole, and its SHA-256 in base64; undefined when it is not there, or not sealed. It is read twice, and
   *  kept open until `content` has ended: whoever asks must read it, or return it. */
  async open(
    name: string,
  ): Promise<{ digest: string; bytes: number; content: AsyncGenerator<Buffer, void> } | undefined> {
    if (!this.segments.includes(name)) return undefined;
    const hash = createHash("sha256");
    let bytes = 0;
    const summing = async (): Promise<void> => {
      for await (const piece of this.read(name)) {
        hash.update(piece);
        bytes += piece.length;
      }
    };
    if ((await ifThere(summing().then(() => true))) === undefined) return undefined;
    return { digest: hash.digest("base64"), bytes, content: this.read(name) };
  }

  /** Its index, when there is one. */
  async index(name: string): Promise<Buffer | undefined> {
    if (!this.segments.includes(name)) return undefined;
    return ifThere(readFile(join(this.files.dir, indexName(name))));
  }

  private async *read(name: string): AsyncGenerator<Buffer, void> {
    const { source } = this.files.acquire(name);
    try {
      const file = await source;
      for (let at = 0; ;) {
        const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
        const bytesRead = await file.read(buffer, READ_BYTES, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await this.files.release(name);
    }
  }
}
