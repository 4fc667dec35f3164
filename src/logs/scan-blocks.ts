/** Lines of a segment as blocks: what its index would say of them. */
import { parseStamp } from "../core/log-line.ts";
import { adler32 } from "./adler.ts";
import { BlockBuilder } from "./block-index.ts";
import type { Block } from "./block-index.ts";
import { FACET_WORDS, anyFacets, lineFacets, mergeFacets } from "./facets.ts";
import { BLOCK_BYTES } from "./line-encoder.ts";
import { PS_AT, STAMP_AT, STAMP_BYTES } from "./line-head.ts";
import type { SegmentSource } from "./segment-source.ts";

const NEWLINE = 10;
const READ_BYTES = 256 * 1024;
const KNOWN_HEADS_MAX = 1000;

/** Reads whole lines from `from` on, about `READ_BYTES` at a time; empty when no whole line follows before `end`. */
export async function readLines(source: SegmentSource, from: number, end: number): Promise<Buffer> {
  for (let want = READ_BYTES; ; want *= 2) {
    const size = Math.min(want, end - from);
    if (size <= 0) return Buffer.alloc(0);
    const buffer = Buffer.allocUnsafeSlow(size);
    const bytesRead = await source.read(buffer, size, from);
    const whole = bytesRead === 0 ? 0 : buffer.lastIndexOf(NEWLINE, bytesRead - 1) + 1;
    if (whole > 0 || bytesRead < size || size < want) return buffer.subarray(0, whole);
  }
}

/** Blocks of the lines in [from, size), and the builder that holds the last, unfinished one. */
export async function scanBlocks(
  source: SegmentSource,
  from: number,
  size: number,
): Promise<{ blocks: Block[]; builder: BlockBuilder; end: number }> {
  const builder = new BlockBuilder(from);
  const blocks: Block[] = [];
  const facts = new FactReader();
  let at = from;
  for (;;) {
    const lines = await readLines(source, at, size);
    if (lines.length === 0) return { blocks, builder, end: at };
    at += lines.length;
    addPieces(lines, { builder, blocks, facts });
  }
}

interface Scan {
  builder: BlockBuilder;
  blocks: Block[];
  facts: FactReader;
}

function addPieces(buffer: Buffer, { builder, blocks, facts }: Scan): void {
  let begin = 0;
  let lines = 0;
  let facets = new Uint32Array(FACET_WORDS);
  let lastLine = 0;
  for (let at = 0; at < buffer.length;) {
    const end = buffer.indexOf(NEWLINE, at) + 1;
    mergeFacets(facets, facts.facetsOf(buffer, at, end));
    lines += 1;
    lastLine = at;
    at = end;
    if (at - begin < BLOCK_BYTES && at < buffer.length) continue;
    const block = builder.add({
      bytes: at - begin,
      lines,
      sum: adler32(buffer, begin, at),
      firstUs: stampAt(buffer, begin) ?? 0,
      lastUs: stampAt(buffer, lastLine) ?? 0,
      facets,
    });
    if (block !== undefined) blocks.push(block);
    begin = at;
    lines = 0;
    facets = new Uint32Array(FACET_WORDS);
  }
}

/** The stamp of the line that begins at `at`; undefined when somebody else's hand was in the file. */
export function stampAt(buffer: Buffer, at: number): number | undefined {
  return parseStamp(buffer.toString("latin1", at + STAMP_AT, Math.min(buffer.length, at + STAMP_AT + STAMP_BYTES)));
}

const FACTS = /^([^"\\]+)","source":"(\w+)"(?:,"release":(\d{1,9}))?(?:,"level":"(\w+)")?(?:,"cont":\d+)?$/;

/** Facets of stored lines; a line of another form counts as containing everything. */
class FactReader {
  private readonly known = new Map<string, Uint32Array>();

  facetsOf(buffer: Buffer, start: number, end: number): Uint32Array {
    const text = buffer.toString("latin1", start + PS_AT, Math.min(end, start + PS_AT + 300));
    const head = text.slice(0, Math.max(0, text.indexOf(',"msg":"')));
    const known = this.known.get(head);
    if (known !== undefined) return known;
    const [, ps, source, release, level] = FACTS.exec(head) ?? [];
    const facets =
      ps === undefined || source === undefined
        ? anyFacets()
        : lineFacets({ ps, source, release: release === undefined ? undefined : Number(release), level });
    if (this.known.size >= KNOWN_HEADS_MAX) this.known.clear();
    this.known.set(head, facets);
    return facets;
  }
}
