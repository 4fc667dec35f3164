import * as assert from "uvu/assert";
import { parseTextLine } from "../../src/core/heroku-text.ts";
import { formatLogText } from "../../src/core/log-line.ts";
import { describe } from "../support/suite.ts";

const LINES: [text: string, ts: string, source: string, ps: string, msg: string][] = [
  ["2011-06-19T08:35:19+00:00 app[web.1]: boom", "2011-06-19T08:35:19.000000Z", "app", "web.1", "boom"],
  [
    "2024-06-19T08:35:19.123456+00:00 heroku[router]: at=info",
    "2024-06-19T08:35:19.123456Z",
    "heroku",
    "router",
    "at=info",
  ],
  ["2011-06-19T01:35:19-07:00 app[run.1]:   two blanks", "2011-06-19T08:35:19.000000Z", "app", "run.1", "  two blanks"],
  ["2011-06-19T08:35:19.5Z app[api]:", "2011-06-19T08:35:19.500000Z", "app", "api", ""],
  [
    "\u001b[36m2011-06-19T08:35:19+0000 app[web.1]:\u001b[0m \u001b[31mred\u001b[0m",
    "2011-06-19T08:35:19.000000Z",
    "app",
    "web.1",
    "\u001b[31mred\u001b[0m",
  ],
];

describe("text form of a log", (test) => {
  for (const [text, ts, source, ps, msg] of LINES)
    test(text, () => assert.equal(parseTextLine(text), { ts, ps, source, msg }));

  test("what we print is read again", () => {
    const line = { ts: "2011-06-19T08:35:19.000000Z", ps: "web.1", source: "app", msg: "日本: ünï [x]: y" } as const;
    assert.equal(parseTextLine(formatLogText(line)), line);
  });

  test("nothing else is a line", () => {
    for (const text of [
      "",
      "boom",
      "2011-06-19T08:35:19 app[web.1]: no zone",
      "2011-13-19T08:35:19Z app[web.1]: no month",
      "2011-06-19T08:35:19Z other[web.1]: no source",
      "2011-06-19T08:35:19Z app[we b]: no name",
    ])
      assert.is(parseTextLine(text), undefined, text);
  });
});
