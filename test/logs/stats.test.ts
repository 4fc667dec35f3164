/** Counts against those of a naive reader that parses each line, over random lines in random pieces. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import { formatLogLine, formatStamp, type LogLine } from "../../src/core/log-line.ts";
import type { LineCounts, RequestCounts, StatsBy } from "../../src/core/log-stats.ts";
import { ReleaseTracker } from "../../src/core/release-tracker.ts";
import { ErrorFinder } from "../../src/logs/error-finder.ts";
import { StatsCounter } from "../../src/logs/stats.ts";
import { makeCorpus } from "../support/log-corpus.ts";
import { describe } from "../support/suite.ts";

const BEGIN_US = Date.UTC(2011, 5, 20, 9) * 1000;
const MINUTE_US = 60_000_000;
const NAMES = ["web.1", "web.10", "worker.1", "clock", "router"];
const LEVELS = ["error", "warning", "info", undefined];

interface Random {
  gapUs: number;
  ps: string;
  level: string | undefined;
  isHeroku: boolean;
  service: number;
  status: number;
  path: string;
}

const randomLine: fc.Arbitrary<Random> = fc.record(
  {
    gapUs: fc.oneof(fc.constant(0), fc.nat(30_000_000)),
    ps: fc.constantFrom(...NAMES),
    level: fc.constantFrom(...LEVELS),
    isHeroku: fc.boolean(),
    service: fc.nat(127),
    status: fc.constantFrom(200, 404, 500),
    path: fc.constantFrom("/", "/orders/17", "/orders/18?x=1", "/a"),
  },
  { noNullPrototype: true },
);

function toLines(random: readonly Random[]): LogLine[] {
  let us = BEGIN_US;
  return random.map(({ gapUs, ps, level, isHeroku, service, status, path }) => {
    us += gapUs;
    const isRouter = ps === "router";
    const msg = isRouter
      ? `at=info method=GET path="${path}" dyno=web.1 connect=0ms service=${String(service)}ms status=${String(status)} bytes=1`
      : `said "${path}" ,"msg":" \\ 日本`;
    const stated = isRouter || level === undefined ? {} : { level };
    return { ts: formatStamp(us), ps, source: isRouter || isHeroku ? "heroku" : "app", ...stated, msg };
  });
}

function bytesOf(lines: readonly LogLine[]): Buffer {
  return Buffer.from(lines.map((line) => `${formatLogLine(line)}\n`).join(""));
}

/** Whole lines in pieces of about this size, as blocks come. */
function* piecesOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, Math.min(bytes.length - 1, at + size)) + 1;
    yield bytes.subarray(at, end);
    at = end;
  }
}

function count(bytes: Buffer, by: StatsBy | undefined, size = 1000): ReturnType<StatsCounter["result"]> {
  const counter = new StatsCounter({ by, everyMinutes: 1 }, new ReleaseTracker());
  for (const piece of piecesOf(bytes, size)) counter.add(piece);
  return counter.result();
}

/** In another way: how many of each name in each minute. */
function naive(lines: readonly LogLine[], nameOf: (line: LogLine) => string | undefined): Record<string, number[]> {
  const counted = lines.filter((line) => nameOf(line) !== undefined);
  const minutes = counted.map(({ ts }) => Math.floor(Date.parse(ts) / 60_000));
  const first = minutes[0] ?? 0;
  const length = (minutes.at(-1) ?? 0) - first + 1;
  const counts: Record<string, number[]> = {};
  for (const [index, line] of counted.entries()) {
    const series = (counts[nameOf(line) ?? ""] ??= Array.from({ length }, () => 0));
    const slot = (minutes[index] ?? 0) - first;
    series[slot] = (series[slot] ?? 0) + 1;
  }
  return counts;
}

const field = (msg: string, name: string): string => new RegExp(` ${name}="?([^" ]*)`).exec(msg)?.[1] ?? "";
const ofRouter = (name: (msg: string) => string) => (line: LogLine) =>
  line.ps === "router" ? name(line.msg) : undefined;
const NAME_OF: Record<Exclude<StatsBy, "release">, (line: LogLine) => string | undefined> = {
  ps: ({ ps }) => ps,
  level: ({ level }) => level ?? "none",
  status: ofRouter((msg) => field(msg, "status")),
  path: ofRouter((msg) => field(msg, "path").replace(/\?.*/, "").replace(/\d+/, ":id")),
};

function checkRequests(requests: RequestCounts | null, lines: readonly LogLine[]): void {
  const messages = lines.filter(({ ps }) => ps === "router").map(({ msg }) => msg);
  const times = messages.map((msg) => Number.parseInt(field(msg, "service"), 10)).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? 0;
  assert.is(requests?.requests, messages.length);
  assert.is(requests?.failed, messages.filter((msg) => field(msg, "status") === "500").length);
  const told = times.length === 0 ? null : { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  assert.equal(requests?.service_ms, told);
}

const up = (us: number, ps: string, release: number): LogLine => ({
  ts: formatStamp(BEGIN_US + us),
  ps,
  source: "heroku",
  release,
  msg: "State changed from starting to up",
});

const asked = (us: number, dyno: string, service: number): LogLine => ({
  ts: formatStamp(BEGIN_US + us),
  ps: "router",
  source: "heroku",
  msg: `at=info method=GET path="/" dyno=${dyno} connect=0ms service=${String(service)}ms status=200 bytes=1`,
});

const find = (pieces: Iterable<Buffer>, sinceUs = 0): ReturnType<ErrorFinder["result"]> => {
  const finder = new ErrorFinder(new ReleaseTracker(), sinceUs);
  for (const piece of pieces) finder.add(piece);
  return finder.result(100);
};

const say = (ps: string, msg: string, index: number): LogLine => ({
  ts: formatStamp(BEGIN_US + index * MINUTE_US),
  ps,
  source: "app",
  release: 7,
  msg,
});

const letters = (index: number): string => Array.from(String(index), (digit) => "abcdefghij"[Number(digit)]).join("");

describe("log stats", (test) => {
  test("every grouping counts what a naive reader counts", () => {
    fc.assert(
      fc.property(fc.array(randomLine, { maxLength: 80 }), fc.integer({ min: 1, max: 4000 }), (random, size) => {
        const lines = toLines(random);
        for (const [by, nameOf] of Object.entries(NAME_OF) as [StatsBy, (typeof NAME_OF)["ps"]][]) {
          const { groups, other } = count(bytesOf(lines), by, size);
          const counts = Object.fromEntries(groups.map((group) => [group.name, group.counts]));
          assert.equal(counts, naive(lines, nameOf), by);
          assert.is(other, null);
        }
        const { lines: all, requests } = count(bytesOf(lines), undefined, size);
        assert.equal([all?.lines, all?.errors], [lines.length, lines.filter(({ level }) => level === "error").length]);
        checkRequests(requests, lines);
      }),
    );
  });

  test("a request counts for the release that its process ran when it began", () => {
    const lines = [
      asked(0, "web.1", 1),
      up(1_000_000, "web.1", 74),
      asked(1_500_000, "web.1", 2),
      up(2_000_000, "web.1", 75),
      asked(2_100_000, "web.1", 900),
      asked(2_200_000, "web.1", 3),
      asked(2_300_000, "web.2", 4),
    ];
    const { groups } = count(bytesOf(lines), "release");
    assert.equal(
      groups.map((group) => [group.name, (group as unknown as RequestCounts).requests]),
      [
        ["unknown", 2],
        ["v74", 2],
        ["v75", 1],
      ],
    );
  });

  test("many groups do not take more memory: those that come late are one", () => {
    const lines = Array.from({ length: 1500 }, (_, index): LogLine => ({
      ts: formatStamp(BEGIN_US + index),
      ps: `run.${String(index)}`,
      source: "app",
      msg: "x",
    }));
    const { groups, other } = count(bytesOf([...lines, ...lines.slice(0, 7)]), "ps");
    assert.is(groups.length, 100);
    assert.equal(
      groups.slice(0, 8).map((group) => (group as unknown as LineCounts).lines),
      [2, 2, 2, 2, 2, 2, 2, 1],
    );
    assert.is((other as LineCounts).lines, 1500 + 7 - 107);
  });

  test("what somebody's hand wrote is passed over", () => {
    const good = bytesOf(
      toLines([{ gapUs: 0, ps: "web.1", level: "error", isHeroku: false, service: 0, status: 0, path: "/" }]),
    );
    const bad = Buffer.from(
      'nonsense\n\n{"ts":"2011-06-20T09:00:00.000000Z"}\n{"ts":"yesterday, at some time or so","ps":"web.1","source":"app","msg":"x"}\n',
    );
    for (const bytes of [Buffer.concat([bad, good, bad]), Buffer.concat([good, bad])]) {
      assert.equal(count(bytes, "ps").lines, { lines: 1, errors: 1, counts: [1] });
      const finder = new ErrorFinder(new ReleaseTracker(), 0);
      finder.add(bytes);
      assert.is(finder.result(9).total.errors, 1);
    }
  });
});

describe("log errors", (test) => {
  test("the same wherever blocks begin and end", () => {
    const bytes = Buffer.from(makeCorpus());
    const whole = find([bytes]);
    assert.equal(whole.total, { errors: 28, groups: 6 });
    for (const size of [1, 300, 5_000, 70_000]) assert.equal(find(piecesOf(bytes, size)), whole, String(size));
  });

  test("traces of processes that write at once are told apart", () => {
    const lines = [
      say("web.1", "Error: boom 1", 0),
      say("web.2", "Error: boom 2", 1),
      say("web.3", "Error: boom 3", 2),
      say("web.2", "    at two (/app/b.js:1:1)", 3),
      say("web.1", "    at one (/app/a.js:1:1)", 4),
      say("web.3", "all is well", 5),
      say("web.3", "Error: boom 4", 6),
    ];
    const { groups } = find([bytesOf(lines)]);
    assert.equal(
      groups.map(({ count: times, frame, processes, new: isNew }) => [times, frame, processes.join(" "), isNew]),
      [
        [2, null, "web.3", false],
        [1, "at two (/app/b.js:1:1)", "web.2", false],
        [1, "at one (/app/a.js:1:1)", "web.1", false],
      ],
    );
  });

  test("so many kinds are kept, the rest is counted", () => {
    const lines = Array.from({ length: 3000 }, (_, index): LogLine => ({
      ts: formatStamp(BEGIN_US + index),
      ps: "web.1",
      source: "app",
      level: "error",
      msg: `Error: ${letters(index)}`,
    }));
    const { groups, total } = find([bytesOf(lines)]);
    assert.equal(total, { errors: 3000, groups: 3000 });
    assert.is(groups.length, 100);
    assert.is(groups[0]?.message, `Error: ${letters(2999)}`);
  });
});
