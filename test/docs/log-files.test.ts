/** A log's files, read by a reader that was written from docs/formats.md alone: the page says enough, and it is true to the byte. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import * as zlib from "node:zlib";
import * as assert from "uvu/assert";
import type { LogLine } from "../../src/core/log-line.ts";
import { zlibAdler32 } from "../support/adler.ts";
import { describe } from "../support/suite.ts";
import { openStore } from "../logs/open-store.ts";
import { examplesOf, readPage } from "./markdown.ts";

const { crc32, gunzipSync } = zlib;

const EXAMPLES = examplesOf(await readPage("docs/formats.md"));

function fromPage(example: string, name: string): unknown {
  return runInNewContext(`${EXAMPLES.get(example)?.text ?? ""}\n${name};`);
}

const facetBit = fromPage("facet", "facetBit") as (text: string) => number;
const rowOf = fromPage("signature-row", "rowOf") as (gram: number) => number;

/** "Index" */
function readIndex(index: Buffer, segment: string, raw: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  let offset = 0;
  for (let at = 0; at < index.length; at += 64) {
    const record = index.subarray(at, at + 64);
    assert.is(record.readUInt32LE(60), crc32(record.subarray(0, 60), crc32(`${segment} 2`)));
    assert.is(record.readUInt32LE(0), offset);
    const block = raw.subarray(offset, offset + record.readUInt32LE(4));
    assert.is(record.readUInt32LE(12), zlibAdler32(block));
    checkFacts(record, linesOf(block));
    blocks.push(block);
    offset += block.length;
  }
  assert.is(offset, raw.length);
  return blocks;
}

const microseconds = (ts = ""): number => Date.parse(ts) * 1000 + Number(ts.slice(23, 26));

function checkFacts(record: Buffer, lines: LogLine[]): void {
  assert.is(record.readUInt32LE(8), lines.length);
  assert.is(record.readDoubleLE(16), microseconds(lines[0]?.ts));
  assert.is(record.readDoubleLE(24), microseconds(lines.at(-1)?.ts));
  const bits = new Set<number>();
  for (const { ps, source, level } of lines)
    for (const text of [`ps=${ps}`, `type=${ps.split(".")[0] ?? ""}`, `src=${source}`, level && `lvl=${level}`])
      if (text !== undefined) bits.add(facetBit(text));
  for (let bit = 0; bit < 128; bit += 1)
    assert.is(
      ((record.readUInt32LE(32 + (bit >> 5) * 4) >>> (bit & 31)) & 1) === 1,
      bits.has(bit),
      `bit ${String(bit)}`,
    );
  const releases = lines.flatMap(({ release }) => release ?? []);
  const [highest, lowest] = [Math.max(0, ...releases), Math.min(...releases)];
  assert.is(record.readUInt32LE(48), highest);
  assert.is(record.readUInt32LE(52), releases.length === 0 ? 0 : ~lowest >>> 0);
  assert.is(record.readUInt32LE(56), 1);
}

function linesOf(ndjson: Buffer): LogLine[] {
  return ndjson
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}

function fingerprint(index: Buffer): number {
  let hash = 0x811c9dc5;
  for (let at = 60; at < index.length; at += 64) hash = Math.imul(hash ^ index.readUInt32LE(at), 0x01000193);
  return hash >>> 0;
}

/** "Signature": the rows are what the messages make of them, and nothing else. */
function checkSignature(file: Buffer, segment: string, index: Buffer, blocks: Buffer[]): void {
  const stride = Math.ceil(blocks.length / 8);
  const at = 20 + 8 * stride * 4;
  assert.is(file.subarray(0, 4).toString("hex"), "72686731");
  assert.is(file.readUInt32LE(4), crc32(file.subarray(8, at), crc32(segment)));
  assert.equal(
    [8, 12, 16].map((place) => file.readUInt32LE(place)),
    [blocks.length, fingerprint(index), 0],
  );
  const rows = file.subarray(at);
  assert.is(rows.length, 32768 * stride);
  for (let page = 0; page < 8 * stride; page += 1)
    assert.is(file.readUInt32LE(20 + page * 4), crc32(rows.subarray(page * 4096, (page + 1) * 4096)));
  const expected = Buffer.alloc(rows.length);
  for (const [number, block] of blocks.entries())
    for (const row of rowsOfBlock(block)) {
      const place = row * stride + (number >> 3);
      expected.writeUInt8(expected.readUInt8(place) | (1 << (number & 7)), place);
    }
  assert.ok(rows.equals(expected));
}

function rowsOfBlock(block: Buffer): Set<number> {
  const rows = new Set<number>();
  for (const { msg } of linesOf(block)) {
    const stored = JSON.stringify(msg).slice(1, -1);
    const bytes = Buffer.from(stored.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
    for (let at = 0; at + 4 <= bytes.length; at += 1) rows.add(rowOf(bytes.readInt32BE(at)));
  }
  return rows;
}

/** "Rollup" */
function checkRollup(text: string, segment: string, index: Buffer, lines: LogLine[]): void {
  const end = text.lastIndexOf("\n", text.length - 2) + 1;
  assert.equal(JSON.parse(text.slice(end)), { crc: crc32(text.slice(0, end)) });
  const [about = "", ...minutes] = text.slice(0, end).trimEnd().split("\n");
  assert.equal(JSON.parse(about), { segment, blocks: index.length / 64, index: fingerprint(index) });
  const counts = new Map<string, number>();
  for (const { ts, ps, source, release, level } of lines) {
    const key = JSON.stringify([ts.slice(0, 16), ps, source, release ?? null, level ?? null]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const found = minutes
    .map((line) => JSON.parse(line) as { m: string; n: unknown[][] })
    .flatMap(({ m, n }) => n.map((row) => [JSON.stringify([m, ...row.slice(0, -1)]), row.at(-1)] as const));
  assert.equal(Object.fromEntries(found), Object.fromEntries(counts));
}

/** Of Node 22.15 and newer, which compress with it. */
const { zstdDecompressSync = gunzipSync } = zlib as { zstdDecompressSync?: (frame: Buffer) => Buffer };

interface Table {
  /** Where it begins. */
  table: number;
  entries: Buffer;
  decompress: (frame: Buffer) => Buffer;
}

/** "Cold segments": the table, and what decompresses a frame. */
function readTable(file: Buffer, segment: string, isZstd: boolean): Table {
  const end = file.length - (isZstd ? 9 : 18);
  const count = file.readUInt32LE(end);
  const entries = file.subarray(end - count * 8, end);
  if (isZstd) {
    const table = end - count * 8 - 8;
    assert.is(file.toString("hex", table, table + 4), "5e2a4d18");
    assert.is(file.readUInt32LE(table + 4), file.length - table - 8);
    assert.is(file.toString("hex", end + 4), "00b1ea928f");
    return { table, entries, decompress: zstdDecompressSync };
  }
  const table = end - count * 8 - 16;
  assert.is(file.readUInt32LE(end + 4), crc32(entries, crc32(segment)));
  assert.is(file.toString("latin1", table + 12, table + 14), "GH");
  return { table, entries, decompress: gunzipSync };
}

function readFrames(file: Buffer, segment: string, isZstd: boolean): Buffer[] {
  const { table, entries, decompress } = readTable(file, segment, isZstd);
  const frames: Buffer[] = [];
  let at = 0;
  for (let entry = 0; entry < entries.length; entry += 8) {
    const bytes = entries.readUInt32LE(entry);
    const raw = decompress(file.subarray(at, at + bytes));
    assert.is(raw.length, entries.readUInt32LE(entry + 4));
    frames.push(raw);
    at += bytes;
  }
  assert.is(at, table);
  return frames;
}

describe("docs/formats.md, a log's files", (test) => {
  test("segments, indexes, signatures, rollups and frames are what the page says", async (t) => {
    const dir = await t.tempDir();
    const options = { segmentBytes: 400_000, careBytesMin: 1 };
    const forever = { bytesMax: Number.POSITIVE_INFINITY, ageMsMax: Number.POSITIVE_INFINITY };
    const store = await openStore(t, dir, { ...options, retention: { ...forever, hotMs: 0 } });
    for (let n = 0; n < 5_000; n += 1) {
      const release = n % 5 === 0 ? undefined : 70 + (n >> 10);
      const level = n % 7 === 0 ? "warning" : undefined;
      const text = `Line ${String(n)} "Zoë"\t日本 ${"x".repeat(n % 200)}`;
      const origin =
        n % 900 === 0 ? ({ ps: "api", source: "heroku" } as const) : ({ ps: "web.1", source: "app" } as const);
      store.append({ ...origin, ...(release && { release }), ...(level && { level }), msg: text });
      if (n % 300 === 299) await store.flushed();
    }
    await store.caredFor();
    await store.close();
    const logs = join(dir, "logs");
    const cold = (await readdir(logs)).filter((name) => /\.ndjson\.(gz|zst)$/.test(name));
    assert.ok(cold.length >= 2, cold.join());
    for (const name of cold) {
      const segment = name.replace(/\.(gz|zst)$/, "");
      const read = (ending: string): Promise<Buffer> => readFile(join(logs, segment.replace(/\.ndjson$/, ending)));
      const raw = Buffer.concat(readFrames(await readFile(join(logs, name)), segment, name.endsWith(".zst")));
      const index = await read(".idx");
      const blocks = readIndex(index, segment, raw);
      checkSignature(await read(".grm"), segment, index, blocks);
      checkRollup((await read(".min")).toString(), segment, index, linesOf(raw));
    }
  });
});
