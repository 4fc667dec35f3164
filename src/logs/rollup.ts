/** The rollup of a sealed segment (`TIME.min`): how many lines it has by minute, process, source, release and level, as
 *  NDJSON. docs/formats.md, "Rollup". */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { BlockTable } from "./block-index.ts";
import type { LineCount, MinuteCounts } from "./minute-counter.ts";
import { rollupName } from "./segment-files.ts";

type Row = [ps: string, source: string, release: number | null, level: string | null, lines: number];

/** The file. */
export function encodeRollup(minutes: readonly MinuteCounts[], segment: string, blocks: BlockTable): Buffer {
  const lines = minutes.map(({ minute, counts }) => {
    const rows = counts.map(({ ps, source, release, level, lines }): Row => [
      ps,
      source,
      release ?? null,
      level ?? null,
      lines,
    ]);
    return `${JSON.stringify({ m: minute, n: rows })}\n`;
  });
  const text = [
    `${JSON.stringify({ segment, blocks: blocks.length, index: blocks.fingerprint(blocks.length) })}\n`,
    ...lines,
  ].join("");
  return Buffer.from(`${text}${JSON.stringify({ crc: crc32(text) })}\n`);
}

/** Undefined when the segment has no rollup that can be trusted. */
export async function readRollup(
  dir: string,
  segment: string,
  blocks: BlockTable,
): Promise<readonly MinuteCounts[] | undefined> {
  try {
    return decodeRollup(await readFile(join(dir, rollupName(segment)), "utf8"), segment, blocks);
  } catch {
    return undefined;
  }
}

function decodeRollup(text: string, segment: string, blocks: BlockTable): MinuteCounts[] | undefined {
  const end = text.lastIndexOf("\n", text.length - 2) + 1;
  const { crc } = JSON.parse(text.slice(end)) as { crc?: number };
  if (crc !== crc32(text.slice(0, end))) return undefined;
  const [head = "", ...lines] = text.slice(0, end).trimEnd().split("\n");
  const facts = JSON.parse(head) as { segment?: string; blocks?: number; index?: number };
  if (facts.segment !== segment || facts.blocks !== blocks.length) return undefined;
  if (facts.index !== blocks.fingerprint(blocks.length)) return undefined;
  return lines.map((line) => {
    const { m, n } = JSON.parse(line) as { m: string; n: Row[] };
    return { minute: m, counts: n.map(countOf) };
  });
}

function countOf([ps, source, release, level, lines]: Row): LineCount {
  return { ps, source, release: release ?? undefined, level: level ?? undefined, lines };
}
