import { appendFile, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { asDeliveryError, DeliveryError } from "../../src/outbound/delivery-error.ts";
import { DrainFile, type DrainRecord } from "../../src/drains/drain-file.ts";
import { DrainHealth } from "../../src/drains/drain-health.ts";
import { realClock } from "../logs/real-clock.ts";
import { describe } from "../support/suite.ts";

function record(offset: number, more: Partial<DrainRecord> = {}): DrainRecord {
  const at = { segment: "20261123T162215.073590Z.ndjson", offset };
  const rest = { to: undefined, lines: 0, resume: undefined, loss: undefined, delivered: offset, dropped: 0 };
  return { at, ...rest, fault: undefined, ...more };
}

describe("drain file", (test) => {
  test("wherever it was cut off, the last whole record counts, and the next one is whole", async (t) => {
    const path = join(await t.tempDir(), "drain.ndjson");
    const file = DrainFile.open(path, realClock);
    assert.is(file.last, undefined);
    for (const offset of [1, 2, 3]) file.write(record(offset));
    await file.close();
    const whole = await readFile(path);
    const ends = [...whole.keys()].filter((at) => whole[at] === 10);
    for (let bytes = whole.length; bytes >= 0; bytes -= 1) {
      await truncate(path, bytes);
      const cut = DrainFile.open(path, realClock);
      const expected = ends.filter((end) => end < bytes).length;
      assert.is(cut.last?.at.offset, expected === 0 ? undefined : expected, String(bytes));
      await cut.close();
    }
    await writeFile(path, whole.subarray(0, whole.length - 5));
    const torn = DrainFile.open(path, realClock);
    torn.write(record(7, { to: { segment: "x", offset: 9 }, lines: 3, loss: { count: undefined, since: "s" } }));
    await torn.close();
    await appendFile(path, "\0\0\0\0\n");
    const again = DrainFile.open(path, realClock);
    assert.equal(
      again.last,
      record(7, { to: { segment: "x", offset: 9 }, lines: 3, loss: { count: undefined, since: "s" } }),
    );
    await again.close();
  });

  test("stays small", async (t) => {
    const dir = await t.tempDir();
    const path = join(dir, "drain.ndjson");
    const file = DrainFile.open(path, realClock);
    for (let offset = 1; offset <= 6000; offset += 1) file.write(record(offset));
    await file.close();
    assert.ok((await readFile(path)).length < 300_000);
    const again = DrainFile.open(path, realClock);
    assert.is(again.last?.at.offset, 6000);
    await again.close();
    assert.equal(await readdir(dir), ["drain.ndjson"]);
  });
});

describe("drain health", (test) => {
  const retry = new DeliveryError("retry", "no answer within 5s");
  const refused = new DeliveryError("refused", "it answers with status 403");
  const certificate = asDeliveryError(
    Object.assign(new Error("certificate has expired"), { code: "CERT_HAS_EXPIRED" }),
  );

  test("is told when it changes, at most once a minute", () => {
    let now = 0;
    const told: string[] = [];
    const clock = { now: () => now, sleep: () => Promise.resolve() };
    const tell = (level: string, message: string): void => void told.push(`${level} ${message}`);
    const health = new DrainHealth({ clock, tell, token: "d.1", name: "https://h/" }, undefined);
    const says = (...expected: string[]): void => assert.equal(told.splice(0), expected);
    for (let failures = 1; failures <= 2; failures += 1) assert.is(health.failed(retry), failures);
    says();
    assert.equal(health.status.state, "failing");
    health.failed(retry);
    says("warning Drain d.1 fails: no answer within 5s. What it misses is kept and sent later");
    for (let hour = 0; hour < 3600; hour += 1) health.failed(retry);
    says();
    health.delivered();
    health.delivered();
    says("info Drain d.1 delivers again");
    for (let flip = 0; flip < 100; flip += 1) {
      health.refused(refused);
      health.delivered();
    }
    says();
    now = 60_000;
    health.refused(refused);
    says("warning Drain d.1 refuses lines, which are dropped: it answers with status 403");
    assert.equal(health.status.fault, { since: "1970-01-01T00:01:00.000000Z", error: "it answers with status 403" });
    health.delivered();
    told.splice(0);
    now = 120_000;
    for (let failures = 0; failures < 10; failures += 1) health.failed(certificate);
    says('error Error L14 (certificate validation): error="certificate has expired" uri="https://h/"');
    assert.ok(!health.isTaking);
    health.taken();
    assert.equal([health.isTaking, health.status.state], [true, "failing"]);
  });

  test("errors are words without control characters, of the first address that was tried", () => {
    const first = Object.assign(new Error("connect ECONNREFUSED ::1:9"), { code: "ECONNREFUSED" });
    assert.is(asDeliveryError(new AggregateError([first, new Error("other")])).message, first.message);
    assert.is(asDeliveryError(new Error("a\u001b[31m\nb")).message, "a [31m b");
    assert.is(asDeliveryError(Object.assign(new Error(""), { code: "ECONNRESET" })).message, "ECONNRESET");
    assert.is(asDeliveryError(new Error("x".repeat(1000))).message.length, 200);
  });
});
