/** The container of a backup: a tar of plain files, for which any `tar` will do. */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";

const BLOCK = 512;
const MODE = 0o600;
/** Two blocks of zeros. */
const END = Buffer.alloc(2 * BLOCK);

/** The last entry may be a file of any size, which is streamed. */
export interface TarContents {
  small: readonly (readonly [name: string, data: Uint8Array])[];
  large: { name: string; file: FileHandle; sizeBytes: number };
  modifiedAt: Date;
}

/** The file is closed when the stream is. */
export async function tarStream(contents: TarContents): Promise<{ sizeBytes: number; stream: Readable }> {
  // A daemon may never be asked for a backup.
  const { Header } = await import("tar");
  const head = (path: string, size: number): Buffer => {
    const block = Buffer.alloc(BLOCK);
    new Header({ path, size, mode: MODE, mtime: contents.modifiedAt, type: "File" }).encode(block, 0);
    return block;
  };
  const { small, large } = contents;
  const before = Buffer.concat([
    ...small.flatMap(([name, data]) => [head(name, data.length), data, padding(data.length)]),
    head(large.name, large.sizeBytes),
  ]);
  const after = Buffer.concat([padding(large.sizeBytes), END]);
  const stream = Readable.from(inOrder(before, large.file, after), { objectMode: false });
  stream.once("close", () => void large.file.close());
  return { sizeBytes: before.length + large.sizeBytes + after.length, stream };
}

async function* inOrder(before: Buffer, file: FileHandle, after: Buffer): AsyncIterable<Buffer> {
  yield before;
  yield* file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>;
  yield after;
}

function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}
