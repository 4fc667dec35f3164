import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import * as assert from "uvu/assert";
import type { FoundLines } from "../../src/api/log-resources.ts";
import { formatLogLine, formatLogText, type LogLine } from "../../src/core/log-line.ts";
import type { Context, World } from "../../src/cli/command.ts";
import { formatLines, jsonLines } from "../../src/cli/log-text.ts";
import { livePieces, storedLines } from "../../src/cli/stored-lines.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const LINES: LogLine[] = [
  {
    ts: "2011-06-19T08:35:19.123456Z",
    ps: "web.1",
    source: "app",
    release: 74,
    level: "error",
    msg: 'said "no"\t\u001b',
  },
  { ts: "2011-06-19T08:35:20.000000Z", ps: "logs", source: "heroku", msg: "" },
  { ts: "2011-06-19T08:35:21.000000Z", ps: "run.1", source: "app", cont: 1, msg: '{"cursor":"é \\ 注文"}' },
];
const stored = (lines: readonly LogLine[]): string => lines.map((line) => `${formatLogLine(line)}\n`).join("");

function answer(text: string, cuts: readonly number[]): IncomingMessage {
  const bytes = Buffer.from(text);
  const at = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b), bytes.length];
  const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
  return Readable.from(chunks, { objectMode: false }) as unknown as IncomingMessage;
}

function ask(stream: IncomingMessage, readLogRest?: World["readLogRest"]): AsyncGenerator<FoundLines, void> {
  const context = { home: "/home", platform: "git@host", client: { logs: async () => stream }, world: { readLogRest } };
  return storedLines(context as unknown as Context, "app", {});
}

async function* readDirectory(): AsyncGenerator<FoundLines> {
  yield { lines: await readFile("/"), areOurs: false };
}

const cursor = (offset: number): string => `{"cursor":"20110619T083519.123456Z.ndjson:${String(offset)}"}\n`;
const CUTS = fc.array(fc.nat(), { maxLength: 12 });

describe("stored lines", (test) => {
  test("of a live answer, wherever it is cut: lines whose place is known, and the last place", async () => {
    const text = `\n${stored(LINES.slice(0, 2))}${cursor(5)}${cursor(6)}${stored(LINES)}${cursor(7)}${stored(LINES)}`;
    await fc.assert(
      fc.asyncProperty(CUTS, async (cuts) => {
        let lines = "";
        let last = "";
        for await (const piece of livePieces(answer(text, cuts))) {
          lines += piece.lines.toString();
          last = piece.cursor;
        }
        assert.is(lines, stored([...LINES.slice(0, 2), ...LINES]));
        assert.is(last, "20110619T083519.123456Z.ndjson:7");
      }),
    );
  });

  test("what the platform tells at the end is an error, not a line", async () => {
    const failure = '{"error":{"id":"invalid_params","message":"The pattern takes too long.","hint":"Try another."}}\n';
    await fc.assert(
      fc.asyncProperty(CUTS, async (cuts) => {
        let lines = "";
        const error = await rejects(
          (async () => {
            for await (const found of ask(answer(stored(LINES) + failure, cuts))) lines += found.lines.toString();
          })(),
        );
        assert.is(lines, stored(LINES));
        assert.match(String(error), "The pattern takes too long.");
      }),
    );
  });

  test("what is left of a long answer is read behind it, and never shown", async () => {
    const left = { dir: "/logs", segments: ["a"], end: { segment: "a", offset: 5 }, filter: { ps: "web" } };
    for (const begin of ["", stored(LINES)])
      await fc.assert(
        fc.asyncProperty(CUTS, async (cuts) => {
          let lines = "";
          const read = async function* (rest: object): AsyncGenerator<FoundLines> {
            assert.equal(rest, left);
            yield { lines: Buffer.from(stored(LINES)), areOurs: true };
          };
          const whole = answer(`${begin}${JSON.stringify({ rest: left })}\n`, cuts);
          for await (const found of ask(whole, read)) lines += found.lines.toString();
          assert.is(lines, begin + stored(LINES));
        }),
      );
  });

  test("a rest that may not be read is told of", async () => {
    const error = await rejects(ask(answer('{"rest":{}}\n', []), readDirectory).next());
    assert.match(String(error), "The log cannot be read: EISDIR");
  });

  test("as text: what the slow way makes of it, whatever the message; what is no line of ours as it is", async () => {
    const quiet = { write: () => true, once: () => undefined };
    const out = Terminal.plain({ stdout: quiet, stderr: quiet, env: {} });
    const messages = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.string()), { maxLength: 5 });
    fc.assert(
      fc.property(messages, (msgs) => {
        const lines = msgs.map((msg, index) => ({ ...(LINES[index % LINES.length] as LogLine), msg }));
        const text = lines.map((line) => `${formatLogText(line)}\n`).join("");
        // What is no text, a half of a pair, no file has.
        if (Buffer.from(text).toString() !== text) return;
        assert.is(formatLines(Buffer.from(stored(lines)), out), text);
      }),
    );
    for (const odd of ['{"a":1}', "no JSON", '{"ts":"2011","ps":"web.1"', ""])
      assert.is(formatLines(Buffer.from(odd === "" ? "" : `${odd}\n`), out), odd === "" ? "" : `${odd}\n`);
  });

  test("as JSON: byte for byte; what is no JSON is left out", async () => {
    const lines = Buffer.from(stored(LINES));
    assert.is(await jsonLines(lines), lines);
    const odd = Buffer.from(`${stored(LINES.slice(0, 1))}by hand\n{"a": 1}\n`);
    assert.is((await jsonLines(odd)).toString(), `${stored(LINES.slice(0, 1))}{"a":1}\n`);
  });
});
