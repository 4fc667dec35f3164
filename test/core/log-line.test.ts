import * as assert from "uvu/assert";
import fc from "fast-check";
import { formatLogLine, formatLogText, formatStamp, parseLogLine, parseStamp } from "../../src/core/log-line.ts";
import type { LogLine } from "../../src/core/log-line.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const LINE: LogLine = {
  ts: "2011-06-19T08:35:19.123456Z",
  ps: "web.1",
  source: "app",
  release: 74,
  level: "error",
  cont: 1,
  msg: 'said "x"\t\u001b[1m',
};

describe("log line", (test) => {
  test("stored form has its keys in the fixed order, absent ones left out", () => {
    assert.is(
      formatLogLine(LINE),
      String.raw`{"ts":"2011-06-19T08:35:19.123456Z","ps":"web.1","source":"app","release":74,"level":"error","cont":1,"msg":"said \"x\"\t\u001b[1m"}`,
    );
    assert.is(
      formatLogLine({ msg: "", source: "heroku", ps: "api", ts: LINE.ts }),
      '{"ts":"2011-06-19T08:35:19.123456Z","ps":"api","source":"heroku","msg":""}',
    );
  });

  test("the time stands at byte 7 and the process name at byte 42", () => {
    const text = formatLogLine(LINE);
    assert.is(text.slice(7, 34), LINE.ts);
    assert.is(text.slice(42, 47), "web.1");
  });

  test("text form", () => {
    const line: LogLine = { ts: LINE.ts, ps: "web.1", source: "heroku", msg: "State changed from starting to up" };
    assert.is(formatLogText(line), "2011-06-19T08:35:19+00:00 heroku[web.1]: State changed from starting to up");
  });

  test("parse ∘ format is the identity", () => {
    assert.equal(parseLogLine(formatLogLine(LINE)), LINE);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 0, max: 4e15 }), (msg, us) => {
        const line: LogLine = { ts: formatStamp(us), ps: "run.1", source: "app", msg };
        assert.equal(parseLogLine(formatLogLine(line)), line);
        assert.is(parseStamp(line.ts), us);
      }),
    );
  });

  test("refuses what is no log line", async () => {
    for (const text of ["", "[]", "null", "{", '{"ts":"x"}', formatLogLine({ ...LINE, ts: "2011-06-19T08:35:19Z" })])
      await refuses("bad_request", () => parseLogLine(text));
    await refuses("bad_request", () => parseLogLine(formatLogLine(LINE).replace('"app"', '"other"')));
    await refuses("bad_request", () => parseLogLine(formatLogLine(LINE).replace("2011-06", "2011-66")));
  });
});
