import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createReadStream } from "node:fs";
import * as assert from "uvu/assert";
import fc from "fast-check";
import ndjson from "ndjson";
import { formatLogLine } from "../../src/core/log-line.ts";
import type { LogLine, NewLogLine } from "../../src/core/log-line.ts";
import { ByteSink } from "../../src/logs/byte-sink.ts";
import { LEVELS, detectLevel } from "../../src/logs/level.ts";
import { encodeRun } from "../../src/logs/line-encoder.ts";
import { LineHeads } from "../../src/logs/line-head.ts";
import { PART_BYTES_MAX, PartScanner } from "../../src/logs/raw-parts.ts";
import { describe } from "../support/suite.ts";
import { linesOf, openStore, segmentsOf, storeRaw, storedBytes, textLines } from "./open-store.ts";
import { settableClock } from "./real-clock.ts";

/** The messages that raw output becomes, with a mark on later parts. */
function partsOf(raw: Buffer, atEnd = true): string[] {
  const sink = new ByteSink();
  const heads = new LineHeads({ ps: "web.1", source: "app" });
  const scanner = new PartScanner(raw, false, atEnd);
  while (encodeRun(scanner, sink, heads, { us: 0, cleanUntil: 0 }).lines > 0);
  return linesOf(sink.written()).map((line) => (line.cont === 1 ? `+${line.msg}` : line.msg));
}

describe("log format", (test) => {
  test("is JSON.stringify's, byte for byte", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { clock: settableClock(1_308_472_519_123) });
    store.append({ ps: "web.1", source: "heroku", msg: 'a "b" \\ \b\f\t\u0000\u001f\u007f\u2028 é 😀' });
    store.append({ ps: "web.1", source: "app", release: 74, level: "error", msg: "", cont: 1 });
    await store.flushed();
    const text = (await storedBytes(dir)).toString("utf8");
    const ts = "2011-06-19T08:35:19.123000Z";
    const expected: LogLine[] = [
      { ts, ps: "web.1", source: "heroku", msg: 'a "b" \\ \b\f\t\u0000\u001f\u007f\u2028 é 😀' },
      { ts, ps: "web.1", source: "app", release: 74, level: "error", cont: 1, msg: "" },
    ];
    assert.is(text, expected.map((line) => `${formatLogLine(line)}\n`).join(""));
    assert.equal(await segmentsOf(dir), ["20110619T083519.123000Z.ndjson"]);
  });

  test("any line survives: JSON.stringify(JSON.parse(line)) is the line, its message the bytes as UTF-8", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(bytes), (lines) => {
        const raw = lines.map((line) => Buffer.from(line).filter((byte) => byte !== 10 && byte !== 13));
        const sink = new ByteSink();
        const scanner = new PartScanner(Buffer.concat(raw.flatMap((line) => [line, Buffer.from("\n")])), false, false);
        while (
          encodeRun(scanner, sink, new LineHeads({ ps: "web.1", source: "app" }), { us: 1e15, cleanUntil: 0 }).lines > 0
        );
        const stored = textLines(sink.written());
        for (const line of stored) assert.is(JSON.stringify(JSON.parse(line)), line);
        assert.equal(
          stored.map((line) => (JSON.parse(line) as LogLine).msg),
          raw.map((line) => Buffer.from(line).toString("utf8")),
        );
      }),
    );
  });

  test("a final \\r is dropped, others stay; blank lines stay", () => {
    assert.equal(partsOf(Buffer.from("a\r\n\n\r\nb\rc\n\r\r\nlast\r")), ["a", "", "", "b\rc", "\r", "last"]);
  });

  test("lines over 64 KiB are cut, later parts marked", () => {
    const max = PART_BYTES_MAX;
    const sizes = (raw: string): number[] => partsOf(Buffer.from(raw)).map((part) => part.length);
    assert.equal(sizes(`${"a".repeat(max)}\nb\n`), [max, 1]);
    assert.equal(sizes(`${"a".repeat(max)}\r\nb\n`), [max, 1]);
    assert.equal(sizes(`${"a".repeat(max + 1)}\nb\n`), [max, 2, 1]);
    assert.equal(sizes("a".repeat(max)), [max]);
    assert.equal(sizes(`${"a".repeat(max)}\r`), [max]);
    assert.equal(sizes("a".repeat(3 * max + 5)), [max, max + 1, max + 1, 6]);
    assert.equal(partsOf(Buffer.from("a".repeat(max + 1)), false), []);
  });

  test("a cut is never inside a character", () => {
    for (const shift of [0, 1, 2, 3]) {
      const line = "x".repeat(shift) + "😀".repeat(PART_BYTES_MAX / 2);
      const parts = partsOf(Buffer.from(`${line}\n`));
      assert.ok(parts.length >= 2);
      assert.is(parts.map((part) => part.replace(/^\+/, "")).join(""), line);
      for (const part of parts) assert.not.ok(part.includes("\ufffd"));
    }
  });

  test("where it is cut does not depend on how the bytes arrive", () => {
    const piece = fc.oneof(
      fc.constantFrom("\n", "\r\n", "é", "😀", "end"),
      fc.integer({ min: PART_BYTES_MAX - 4, max: PART_BYTES_MAX + 4 }).map((count) => "y".repeat(count)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 70_000, max: 90_000 }), (pieces, step) => {
        const raw = Buffer.from(pieces.join(""));
        const whole = new PartScanner(raw, false, false);
        const places: number[] = [];
        while (whole.advance()) places.push(whole.stop);
        const stepped: number[] = [];
        let at = 0;
        let isLater = false;
        for (let end = step; ; end += step) {
          const scanner = new PartScanner(raw.subarray(at, end), isLater, false);
          while (scanner.advance()) stepped.push(at + scanner.stop);
          at += scanner.next;
          isLater = scanner.nextIsLater;
          if (end >= raw.length) break;
        }
        assert.equal(stepped, places);
      }),
      { numRuns: 50 },
    );
  });

  test("levels are stored only when the line states one", () => {
    const cases: [line: string, level: string | undefined][] = [
      ["ERROR could not connect", "error"],
      ["error: could not connect", "error"],
      ["Error: boom", "error"],
      ["TypeError: boom", undefined],
      ["2011-06-19 08:35:19 WARN slow query", "warning"],
      ["2011/06/19 08:35:19 [error] 12#0: open() failed", "error"],
      ["I, [2011-06-19T08:35:19.123456 #12]  INFO -- : started", "info"],
      ["at=debug level=debug msg=x", "debug"],
      ['{"time":1,"level":"warn","msg":"x"}', "warning"],
      ['{"level":50,"time":1,"msg":"info: x"}', "error"],
      ['{"severity":"FATAL","msg":"x"}', "error"],
      ["[DEBUG] x", "debug"],
      ["WARNING: x", "warning"],
      ["INFO", "info"],
      ["no error found", undefined],
      ["0 errors, 3 warnings", undefined],
      ["FOR MORE INFO SEE THE MANUAL", undefined],
      ["information: x", undefined],
      ["GET /error HTTP/1.1", undefined],
      ["debugger listening", undefined],
      [`${"x".repeat(90)} [error] x`, undefined],
      [`${"x".repeat(100)} ERROR: x`, undefined],
      ["", undefined],
    ];
    for (const [line, level] of cases) {
      const bytes = Buffer.from(line);
      assert.is(LEVELS[detectLevel(bytes, 0, bytes.length)], level, line);
    }
  });

  test("stamps never decrease when the clock steps back, also across a restart", async (t) => {
    const dir = await t.tempDir();
    const clock = settableClock(2_000_000_000_000.5);
    const line: NewLogLine = { ps: "api", source: "heroku", msg: "x" };
    let store = await openStore(t, dir, { clock });
    store.append(line);
    clock.ms -= 60_000;
    store.append(line);
    await store.close();
    store = await openStore(t, dir, { clock, segmentBytes: 1 });
    store.append(line);
    await store.flushed();
    clock.ms += 60_001;
    store.append(line);
    await store.flushed();
    const stamps = linesOf(await store.query({}, 10)).map((stored) => stored.ts.slice(17));
    assert.equal(stamps, ["20.000500Z", "20.000500Z", "20.000500Z", "20.001500Z"]);
    assert.equal(
      (await segmentsOf(dir)).map((name) => name.slice(13)),
      ["20.000500Z.ndjson", "20.000501Z.ndjson", "20.001500Z.ndjson"],
    );
    const between = 2_000_000_000_001_000;
    assert.is(linesOf(await store.query({ untilUs: between }, 10)).length, 3);
    assert.is(linesOf(await store.query({ sinceUs: between }, 10)).length, 1);
  });

  test("the npm package ndjson reads a segment, and the directory is the owner's alone", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    await storeRaw(store, dir, 'one\nt"w"o\n\u001b[31mthree\n');
    const name = (await segmentsOf(dir))[0] ?? "";
    const messages: unknown[] = [];
    const parser = createReadStream(join(dir, "logs", name)).pipe(ndjson.parse());
    for await (const line of parser) messages.push((line as LogLine).msg);
    assert.equal(messages, ["one", 't"w"o', "\u001b[31mthree"]);
    assert.is((await stat(join(dir, "logs"))).mode & 0o777, 0o700);
    assert.is((await stat(join(dir, "logs", name))).mode & 0o777, 0o600);
  });

  test("a message of several lines becomes several lines; odd names cannot break the format", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    store.append({ ps: 'we"b\n.1', source: "heroku", msg: "a\nb\n" });
    await store.flushed();
    const lines = linesOf(await store.query({}, 10));
    assert.equal(
      lines.map((line) => [line.ps, line.msg]),
      [
        ["we_b_.1", "a"],
        ["we_b_.1", "b"],
      ],
    );
  });
});
