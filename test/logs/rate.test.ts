import { cp, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import * as assert from "uvu/assert";
import type { Clock } from "../../src/core/clock.ts";
import type { LogLine } from "../../src/core/log-line.ts";
import { countNewlines } from "../../src/logs/count-newlines.ts";
import { CursorFile } from "../../src/logs/cursor-file.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { RateMeter } from "../../src/logs/rate-meter.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { linesOf, openStore, segmentsOf, storedBytes, writeSpool } from "./open-store.ts";
import { realClock } from "./real-clock.ts";

const LOSS =
  /^Error L12: (\d+) messages dropped since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\. web\.1 printed more than log-rate allows\.$/;

/** Whoever waits has waited at once. */
function leapingClock(): Clock {
  let ms = Date.now();
  return { now: () => ms, sleep: async (wait) => void (ms += wait) };
}

/** Whoever waits for room waits until the end. */
function stoppedClock(): Clock {
  const ms = Date.now();
  return { now: () => ms, sleep: (_, signal) => realClock.sleep(3_600_000, signal) };
}

function numbered(count: number): string {
  return Array.from({ length: count }, (_, n) => `line ${String(n)} ${"x".repeat(80)}\n`).join("");
}

/** The numbers that are stored, and how many messages the log says are missing before each of them. */
function account(lines: readonly LogLine[]): { numbers: number[]; dropped: number } {
  const told = lines.filter(({ ps, source }) => ps === "logplex" && source === "heroku");
  const counts = told.map(({ msg }) => Number(LOSS.exec(msg)?.[1]));
  return {
    numbers: lines.filter(({ ps }) => ps === "web.1").map(({ msg }) => Number(msg.split(" ")[1])),
    dropped: counts.reduce((sum, count) => sum + count, 0),
  };
}

function checkAccount(lines: readonly LogLine[], total: number): void {
  const { numbers, dropped } = account(lines);
  assert.is(numbers.length + dropped, total);
  assert.ok(
    numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0)),
    "in order, none twice",
  );
  assert.is(numbers.at(-1), total - 1);
}

async function attach(store: LogStore, dir: string, id: string, ps: string): Promise<void> {
  store.attach({ id, path: join(dir, id), ps, release: 1 });
}

describe("rate of a log", (test) => {
  test("what is too much is dropped, the oldest first, counted and told; nobody else loses a line", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { clock: leapingClock() });
    store.limit(100_000);
    await writeSpool(dir, "flood", numbered(12_000));
    await writeSpool(dir, "calm", numbered(300));
    await attach(store, dir, "flood", "web.1");
    await attach(store, dir, "calm", "worker.1");
    await Promise.all([store.finish("flood"), store.finish("calm")]);
    await store.close();
    const lines = linesOf(await storedBytes(dir));
    checkAccount(lines, 12_000);
    assert.ok(account(lines).dropped > 3_000);
    assert.is(lines.filter(({ ps }) => ps === "worker.1").length, 300);
  });

  test("what a burst brings is kept, and so is what waits for its turn", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { clock: leapingClock() });
    store.limit(200_000);
    await writeSpool(dir, "burst", numbered(12_000));
    await attach(store, dir, "burst", "web.1");
    await store.finish("burst");
    const { numbers, dropped } = account(linesOf(await storedBytes(dir)));
    assert.equal([numbers.length, dropped], [12_000, 0]);
  });

  test("wherever the machine stops, what is stored and what is told to be lost make up all", async (t) => {
    const { dir: original, begin, end, segment } = await storeLoss(t);
    const dir = join(await t.tempDir(), "copy");
    for (let step = 0; step <= 12; step += 1) {
      const cut = begin + Math.round(((end - begin) * step) / 12);
      await rm(dir, { recursive: true, force: true });
      await cp(original, dir, { recursive: true });
      await truncate(join(dir, "logs", segment), cut);
      const store = await openStore(t, dir);
      await attach(store, original, "flood", "web.1");
      await store.finish("flood");
      await store.close();
      checkAccount(linesOf(await storedBytes(dir)), 12_000);
    }
  });

  test("what this process cannot keep up with is passed over at once", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { clock: leapingClock() });
    store.limit(50_000);
    await writeSpool(dir, "flood", numbered(12_000));
    await attach(store, dir, "flood", "web.1");
    await store.finish("flood");
    const lines = linesOf(await storedBytes(dir));
    checkAccount(lines, 12_000);
    assert.is(lines[0]?.ps, "logplex");
  });

  test("one line without an end is passed over too", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { clock: leapingClock() });
    store.limit(100_000);
    await writeSpool(dir, "long", `${"a".repeat(1_200_000)}\nthe next\n`);
    await attach(store, dir, "long", "web.1");
    await store.finish("long");
    const lines = linesOf(await storedBytes(dir));
    const parts = lines.filter(({ ps }) => ps === "web.1");
    assert.match(lines.find(({ ps }) => ps === "logplex")?.msg ?? "", LOSS);
    assert.ok(parts.slice(0, -1).every(({ msg, cont }, at) => /^a+$/.test(msg) && (cont === 1) === at > 0));
    assert.equal([parts.at(-1)?.msg, parts.at(-1)?.cont], ["the next", undefined]);
  });

  test("the meter gives a burst at once and the rate in the long run, whatever the clock does", () => {
    let ms = 1_000_000;
    const meter = new RateMeter({ now: () => ms, sleep: async () => undefined });
    assert.is(meter.waitMs(), 0);
    meter.bytesPerSecond = 1000;
    meter.take(3_200);
    assert.is(meter.waitMs(), 10);
    ms += 500;
    assert.is(meter.waitMs(), 0);
    meter.take(1_500);
    assert.is(meter.waitMs(), 1_000);
    ms -= 60_000;
    assert.is(meter.waitMs(), 1_000);
    ms += 1_001;
    assert.is(meter.waitMs(), 0);
  });

  test("newlines are counted as they are", () => {
    const byte = fc.oneof(fc.constant(10), fc.constantFrom(0x8a, 0, 9, 11, 0x0b, 0xff), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 3000 }), fc.nat(3000), (bytes, cut) => {
        const buffer = Buffer.allocUnsafeSlow(bytes.length);
        buffer.set(bytes);
        const end = Math.min(cut, bytes.length);
        assert.is(countNewlines(buffer, end), bytes.slice(0, end).filter((value) => value === 10).length);
      }),
    );
    assert.is(countNewlines(Buffer.alloc(5000, 10), 5000), 5000);
  });
});

/** A log whose last batch tells of a loss: where that batch begins and ends. */
async function storeLoss(t: TestContext): Promise<{ dir: string; segment: string; begin: number; end: number }> {
  const dir = await t.tempDir();
  const store = await openStore(t, dir, { clock: stoppedClock() });
  store.limit(100_000);
  await writeSpool(dir, "flood", numbered(12_000));
  await attach(store, dir, "flood", "web.1");
  for await (const { lines } of store.tail({ lines: 0, ps: "logplex" }, new AbortController().signal))
    if (lines.length > 0) break;
  await store.close();
  const { file, state } = await CursorFile.open(join(dir, "logs"));
  await file.close();
  const [segment = ""] = await segmentsOf(dir);
  assert.is(
    state?.runs.some((run) => run.isLoss),
    true,
  );
  return { dir, segment, begin: state?.offset ?? 0, end: (await storedBytes(dir)).length };
}
