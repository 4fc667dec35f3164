/** Derives from a segment what makes reading quick; runs in the background thread. Whoever asked gives the files their
 *  names. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { adler32 } from "./adler.ts";
import { BlockTable } from "./block-index.ts";
import { MinuteCounter } from "./minute-counter.ts";
import { encodeRollup } from "./rollup.ts";
import { indexName, rollupName, signatureName } from "./segment-files.ts";
import { openSource } from "./segment-source.ts";
import type { SegmentSource } from "./segment-source.ts";
import { readSignature, SignatureBuilder } from "./signature.ts";

interface Derivation {
  dir: string;
  segment: string;
  source: SegmentSource;
  blocks: BlockTable;
}

/** Brings the signature up to the blocks that are in the index by now. */
export function signSegment(dir: string, segment: string): Promise<void> {
  return withBlocks(dir, segment, async (derivation) => {
    const { blocks } = derivation;
    const builder = new SignatureBuilder(blocks.length, await readSignature(dir, segment, blocks));
    while (builder.blocks < blocks.length) builder.add(await readLinesOf(derivation, builder.blocks));
    await write(dir, signatureName(segment), builder.encode(segment, blocks));
  });
}

/** Counts the lines of a sealed segment. */
export function countSegment(dir: string, segment: string): Promise<void> {
  return withBlocks(dir, segment, async (derivation) => {
    const { blocks } = derivation;
    const counter = new MinuteCounter();
    for (let number = 0; number < blocks.length; number += 1) counter.add(await readLinesOf(derivation, number));
    await write(dir, rollupName(segment), encodeRollup(counter.minutes, segment, blocks));
  });
}

async function withBlocks(
  dir: string,
  segment: string,
  work: (derivation: Derivation) => Promise<void>,
): Promise<void> {
  const source = await openSource(dir, segment);
  try {
    const index = await readFile(join(dir, indexName(segment)));
    const blocks = BlockTable.decode(index, segment, await source.size());
    await work({ dir, segment, source, blocks });
  } finally {
    await source.close();
  }
}

/** @throws when a block is not what the index says. */
async function readLinesOf({ segment, source, blocks }: Derivation, number: number): Promise<Buffer> {
  const { offset, bytes, sum } = blocks.at(number);
  const lines = Buffer.allocUnsafe(bytes);
  if ((await source.read(lines, bytes, offset)) === bytes && adler32(lines) === sum) return lines;
  throw new Error(`The index of ${segment} does not fit.`);
}

async function write(dir: string, name: string, bytes: Buffer): Promise<void> {
  await writeFile(join(dir, `${name}.tmp`), bytes, { mode: 0o600 });
}
