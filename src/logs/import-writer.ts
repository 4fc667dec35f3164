/** Puts lines that come in any order into segments that are in order, whatever their number: pieces that fit into memory
 *  are sorted and set aside in files, then merged. */
import { createReadStream } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { parseStamp } from "../core/log-line.ts";
import { STAMP_AT, STAMP_BYTES } from "./line-head.ts";
import { LineCutter, type ImportedLine } from "./import-lines.ts";
import { loadIndex } from "./segment-index.ts";
import { PlainSource } from "./segment-source.ts";
import { segmentName } from "./segment-files.ts";
import { SEGMENT_BYTES } from "./segment-writer.ts";

/** Characters. To sort them takes some 30 ms. */
const PIECE_LENGTH = 8 * 1024 * 1024;
/** Open at a time. */
const PIECES_MAX = 64;
const WRITE_BYTES = 1024 * 1024;

export interface ImportLimits {
  pieceLength?: number;
  segmentBytes?: number;
}

export class ImportWriter {
  private readonly dir: string;
  private readonly limits: Required<ImportLimits>;
  private piece: ImportedLine[] = [];
  private length = 0;
  private isSorted = true;
  /** Files, each in order; those that came first are first. */
  private pieces: string[] = [];
  private piecesMade = 0;
  lines = 0;
  /** Stamps; empty while there is no line. */
  first = "";
  last = "";

  /** @param dir where the segments go, and nothing else. */
  constructor(dir: string, { pieceLength = PIECE_LENGTH, segmentBytes = SEGMENT_BYTES }: ImportLimits = {}) {
    this.dir = dir;
    this.limits = { pieceLength, segmentBytes };
  }

  async add(line: ImportedLine): Promise<void> {
    if (line.ts < (this.piece.at(-1)?.ts ?? "")) this.isSorted = false;
    this.piece.push(line);
    this.lines += 1;
    this.length += line.text.length;
    if (this.first === "" || line.ts < this.first) this.first = line.ts;
    if (line.ts > this.last) this.last = line.ts;
    if (this.length >= this.limits.pieceLength) await this.setAside(this.sorted());
  }

  /** Writes the segments and their indexes to the disk. Lines of one time stay in the order in which they came. */
  async finish(): Promise<void> {
    const segments = new SegmentSeries(this.dir, this.limits.segmentBytes);
    if (this.pieces.length === 0) for (const { text } of this.sorted()) await segments.add(text);
    else {
      await this.setAside(this.sorted());
      for await (const { text } of merge(this.pieces)) await segments.add(text);
    }
    await segments.finish();
    for (const path of this.pieces) await rm(path);
  }

  private sorted(): ImportedLine[] {
    const { piece, isSorted } = this;
    this.piece = [];
    this.length = 0;
    this.isSorted = true;
    return isSorted ? piece : piece.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
  }

  private async setAside(lines: Iterable<ImportedLine> | AsyncIterable<ImportedLine>): Promise<void> {
    this.piecesMade += 1;
    const path = join(this.dir, `piece-${String(this.piecesMade)}`);
    const file = await open(path, "wx", 0o600);
    try {
      const out = new Output(file);
      for await (const { text } of lines) await out.add(text);
      await out.flush();
    } finally {
      await file.close();
    }
    this.pieces.push(path);
    if (this.pieces.length === PIECES_MAX) await this.mergePieces();
  }

  private async mergePieces(): Promise<void> {
    const { pieces } = this;
    this.pieces = [];
    await this.setAside(merge(pieces));
    for (const path of pieces) await rm(path);
  }
}

interface Head extends ImportedLine {
  piece: number;
}

/** The lines of files that are each in order, in order. */
async function* merge(paths: readonly string[]): AsyncGenerator<ImportedLine, void> {
  const readers = paths.map((path) => readPiece(path));
  /** The earliest last. */
  const heads: Head[] = [];
  const advance = async (piece: number): Promise<void> => {
    const next = await readers[piece]?.next();
    if (next !== undefined && next.done !== true) place(heads, { ...next.value, piece });
  };
  for (const piece of readers.keys()) await advance(piece);
  for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
    yield head;
    await advance(head.piece);
  }
}

async function* readPiece(path: string): AsyncGenerator<ImportedLine, void> {
  const cutter = new LineCutter();
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>)
    for (const line of cutter.add(chunk))
      if (line !== undefined) yield { ts: line.slice(STAMP_AT, STAMP_AT + STAMP_BYTES), text: `${line}\n` };
}

function place(heads: Head[], head: Head): void {
  let [low, high] = [0, heads.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = heads[middle] as Head;
    const isBefore = head.ts < other.ts || (head.ts === other.ts && head.piece < other.piece);
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  heads.splice(low, 0, head);
}

/** Writes text in large pieces. */
class Output {
  private readonly file: FileHandle;
  private held: string[] = [];
  private length = 0;
  /** Of all that was added. */
  bytes = 0;

  constructor(file: FileHandle) {
    this.file = file;
  }

  async add(text: string): Promise<void> {
    this.held.push(text);
    const bytes = Buffer.byteLength(text);
    this.length += bytes;
    this.bytes += bytes;
    if (this.length >= WRITE_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.from(this.held.join(""));
    this.held = [];
    this.length = 0;
    await this.file.appendFile(bytes);
  }
}

class SegmentSeries {
  private readonly dir: string;
  private readonly segmentBytes: number;
  private current: { name: string; file: FileHandle; out: Output } | undefined;
  private lastUs = -1;

  constructor(dir: string, segmentBytes: number) {
    this.dir = dir;
    this.segmentBytes = segmentBytes;
  }

  async add(text: string): Promise<void> {
    this.current ??= await this.begin(text);
    await this.current.out.add(text);
    if (this.current.out.bytes >= this.segmentBytes) await this.finish();
  }

  /** Two segments that begin in one microsecond have names that differ by one. */
  private async begin(text: string): Promise<NonNullable<typeof this.current>> {
    const us = Math.max(this.lastUs + 1, parseStamp(text.slice(STAMP_AT, STAMP_AT + STAMP_BYTES)) ?? 0);
    this.lastUs = us;
    const name = segmentName(us);
    const file = await open(join(this.dir, name), "wx+", 0o600);
    return { name, file, out: new Output(file) };
  }

  async finish(): Promise<void> {
    if (this.current === undefined) return;
    const { name, file, out } = this.current;
    this.current = undefined;
    try {
      await out.flush();
      await file.sync();
      // Reads the lines once and leaves an index.
      await loadIndex(
        {
          dir: this.dir,
          segment: name,
          source: new PlainSource(file),
          size: out.bytes,
          isSealed: true,
          isReadOnly: false,
        },
        false,
      );
    } finally {
      await file.close();
    }
  }
}
