import * as fc from "fast-check";
import * as assert from "uvu/assert";
import { formatLogLine, type LogLine } from "../../src/core/log-line.ts";
import { makeBatch, type Batch, type Dialect } from "../../src/drains/frame.ts";
import { addLoss, lossText, subtractLoss } from "../../src/drains/loss.ts";
import { describe } from "../support/suite.ts";
import { examplesOf, readPage } from "../docs/markdown.ts";
import { messagesIn } from "./messages.ts";

const TS = "2012-11-30T06:45:29.123456Z";
const HTTP: Dialect = { kind: "http", token: "d.1" };
const SYSLOG: Dialect = { kind: "syslog", token: "d.1" };

function line(msg: string, more: Partial<LogLine> = {}): LogLine {
  return { ts: TS, ps: "web.3", source: "heroku", msg, ...more };
}

function ndjson(...lines: LogLine[]): Buffer {
  return Buffer.from(lines.map((one) => `${formatLogLine(one)}\n`).join(""));
}

function text(batch: Batch): string {
  return batch.frames.map(({ body }) => body.toString()).join("");
}

describe("drain frame", (test) => {
  test("is Heroku's own over HTTP, and RFC 5424 over TCP", () => {
    const lines = ndjson(line("State changed from starting to up"), line("größer", { source: "app", ps: "web.1" }));
    assert.is(
      text(makeBatch(lines, { dialect: HTTP })),
      "93 <45>1 2012-11-30T06:45:29.123456+00:00 host heroku web.3 - State changed from starting to up\n" +
        "66 <190>1 2012-11-30T06:45:29.123456+00:00 host app web.1 - größer\n",
    );
    assert.is(
      text(makeBatch(lines, { dialect: SYSLOG })),
      "94 <45>1 2012-11-30T06:45:29.123456+00:00 d.1 heroku web.3 - - State changed from starting to up\n" +
        "67 <190>1 2012-11-30T06:45:29.123456+00:00 d.1 app web.1 - - größer\n",
    );
  });

  test("is what the page says", async () => {
    const examples = examplesOf(await readPage("docs/drains.md"));
    const lines = ndjson(
      line("Listening on port 29062", { ts: "2026-11-23T08:35:19.123456Z", ps: "web.1", source: "app" }),
    );
    const token = "d.3f0c8a9d-5c0e-4f0c-8a9d-2e3b4c5d6e7f";
    for (const kind of ["http", "syslog"] as const) {
      const shown = examples.get(kind === "http" ? "drain-logplex" : "drain-syslog")?.text;
      assert.is(text(makeBatch(lines, { dialect: { kind, token } })), shown);
    }
  });

  test("has Logplex's priorities", () => {
    const cases: [Partial<LogLine>, number][] = [
      [{ source: "app", ps: "web.1", level: "error" }, 190],
      [{ source: "app", ps: "router" }, 190],
      [{ ps: "router", level: "error" }, 158],
      [{ ps: "api" }, 134],
      [{ ps: "logplex" }, 172],
      [{ ps: "web.1" }, 45],
    ];
    for (const [more, priority] of cases)
      assert.match(
        text(makeBatch(ndjson(line("x", more)), { dialect: HTTP })),
        new RegExp(`^\\d+ <${String(priority)}>1 `),
      );
  });

  test("tells a loss first, and counts it apart", () => {
    const notice = { count: 500, since: "2013-04-17T19:04:46.123456Z" };
    const { frames, lines } = makeBatch(ndjson(line("x"), line("y")), { dialect: HTTP, notice });
    assert.equal([frames.length, frames[0]?.messages, lines, frames[0]?.notice], [1, 2, 2, notice]);
    assert.match(
      String(frames[0]?.body),
      /^\d+ <172>1 \S+ host heroku logplex - Error L10 \(output buffer overflow\): 500 messages dropped since 2013-04-17T19:04:46\+00:00\.\n\d+ <45>/,
    );
  });

  test("over HTTP has at most 102400 bytes; a line that is longer takes several, whole characters in each", () => {
    const many = ndjson(...Array.from({ length: 2000 }, (_, n) => line(`${"x".repeat(90)} ${String(n)}`)));
    const batch = makeBatch(many, { dialect: HTTP });
    assert.is(batch.frames.length, 1);
    assert.ok((batch.frames[0]?.body.length ?? 0) <= 102_400 && (batch.frames[0]?.body.length ?? 0) > 102_000);
    assert.is(many.subarray(0, batch.bytes).toString().split("\n").length - 1, batch.lines);
    assert.is(makeBatch(many, { dialect: SYSLOG }).lines, 2000);

    const msg = "€".repeat(65_536);
    const long = makeBatch(ndjson(line(msg), line("next")), { dialect: HTTP });
    assert.is(long.lines, 1);
    assert.ok(long.frames.length > 1 && long.frames.every(({ body }) => body.length <= 102_400));
    assert.is(
      messagesIn(text(long))
        .map((one) => one.msg)
        .join(""),
      msg,
    );
  });

  test("passes over what was there before the drain, and sends what somebody spoiled as it is", () => {
    const old = line("old", { ts: "2012-11-30T06:45:28.999999Z" });
    const batch = makeBatch(ndjson(old, line("new")), { dialect: HTTP, notBefore: "2012-11-30T06:45:29Z" });
    assert.equal(
      messagesIn(text(batch)).map(({ msg }) => msg),
      ["new"],
    );
    assert.is(batch.lines, 2);
    const spoiled = makeBatch(Buffer.from('{"ts":"x"\n'), { dialect: SYSLOG });
    assert.equal(
      messagesIn(text(spoiled)).map(({ msg }) => msg),
      ['{"ts":"x"'],
    );
  });

  test("whatever the lines are: the counts are right, and all of it comes out again", () => {
    const anyLine = fc.record(
      {
        msg: fc.string({ unit: "grapheme", maxLength: 200 }).map((msg) => msg.replaceAll("\n", "")),
        ps: fc.constantFrom("web.1", "router", "api", "run.17"),
        source: fc.constantFrom("app" as const, "heroku" as const),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(
        fc.array(anyLine, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(HTTP, SYSLOG),
        (some, dialect) => {
          const lines = some.map((one) => line(one.msg, one));
          const found = messagesIn(text(makeBatch(ndjson(...lines), { dialect })));
          assert.equal(
            found.map(({ msg, ps, source }) => ({ msg, ps, source })),
            lines.map(({ msg, ps, source }) => ({ msg, ps, source })),
          );
        },
      ),
    );
  });
});

describe("drain loss", (test) => {
  test("adds up, keeps the first moment, and what was told is taken off", () => {
    const [a, b] = [
      { count: 3, since: "2026-11-25T10:00:00.000000Z" },
      { count: 4, since: "2026-11-25T09:00:00.000000Z" },
    ];
    assert.equal(addLoss(a, b), { count: 7, since: b.since });
    assert.equal(addLoss(undefined, a), a);
    assert.equal(addLoss(a, { count: undefined, since: b.since }), { count: undefined, since: b.since });
    assert.equal(subtractLoss(addLoss(a, b), b), { count: 3, since: b.since });
    assert.is(subtractLoss(a, a), undefined);
    assert.match(lossText({ count: 1, since: a.since }), "1 message dropped since 2026-11-25T10:00:00+00:00.");
    assert.match(lossText({ count: undefined, since: a.since }), "some messages dropped");
  });
});
