/** Answers that are streams, in HTTP/1.1, as they may come over a socket: in chunks, cut anywhere, broken off, odd. */
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { bodyOf, type Arrived } from "../../src/api/answer-body.ts";
import { BrokenOff, NoAnswer } from "../../src/api/short-exchange.ts";
import { askForStream, type SocketAnswer } from "../../src/api/stream-exchange.ts";
import { rejects } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";

const CHUNKED = { "transfer-encoding": "chunked" };
const QUESTION = { method: "GET", path: "/apps/a/logs", headers: {}, body: undefined };

/** What a body is made of, cut every so many bytes; undefined when it has no end. */
function take(headers: Record<string, string>, text: string, step: number): string | undefined {
  const body = bodyOf(200, headers, false);
  let taken = "";
  for (let from = 0; from < text.length; from += step) {
    const arrived: Arrived = { bytes: Buffer.from(text.slice(from, from + step), "latin1"), at: 0 };
    for (let piece = body.take(arrived); piece !== undefined; piece = body.take(arrived))
      taken += piece.toString("latin1");
  }
  return body.isDone ? taken : undefined;
}

const BODIES: [headers: Record<string, string>, came: string, expected: string | undefined][] = [
  [CHUNKED, "5\r\nhello\r\n6\r\n\r\nall\n\r\n0\r\n\r\n", "hello\r\nall\n"],
  [CHUNKED, "A;name=value\r\n0123456789\r\n00\r\nTrailer: x\r\n\r\n", "0123456789"],
  [{ "transfer-encoding": "Chunked" }, "0\r\n\r\nmore", ""],
  [CHUNKED, "5\r\nhello\r\n0\r\n", undefined],
  [CHUNKED, "5\r\nhell", undefined],
  [{ "content-length": "3" }, "abcdef", "abc"],
  [{ "content-length": "3" }, "ab", undefined],
  [{}, "until the end", undefined],
];

/** Asks a server that answers with these bytes, some at a time, and hangs up. */
async function ask(t: TestContext, came: string, step = came.length, method = "GET"): Promise<SocketAnswer> {
  const path = join(await t.tempDir(), "s");
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      for (let from = 0; from < came.length; from += step) socket.write(came.slice(from, from + step), "latin1");
      socket.end();
    });
  });
  t.after(() => server.close());
  await once(server.listen(path), "listening");
  return askForStream(path, { ...QUESTION, method });
}

async function textOf(answer: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const piece of answer) text += piece.toString("latin1");
  return text;
}

describe("stream exchange", (test) => {
  test("a body is what was sent, wherever it was cut", () => {
    for (const [headers, came, expected] of BODIES)
      for (const step of [1, 2, 3, 7, 1000]) assert.is(take(headers, came, step), expected, JSON.stringify(came));
    for (const came of ["x\r\n", "\r\n", "123456789\r\n", "1\r\nab\r\n", `1;${"x".repeat(9_000)}`])
      assert.throws(() => take(CHUNKED, came, 1000), /chunk/);
    assert.throws(() => bodyOf(200, { "transfer-encoding": "gzip" }, false), /gzip/);
    assert.ok(bodyOf(204, {}, false).isDone);
    assert.ok(bodyOf(200, { "content-length": "7" }, true).isDone);
  });

  test("an answer is read as a stream, or lent", async (t) => {
    const lines = "a line\n".repeat(100_000);
    const chunk = `${lines.length.toString(16)}\r\n${lines}\r\n`;
    const came = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx: 1\r\nX: 2\r\n\r\n${chunk}${chunk}0\r\n\r\n`;
    const answer = await ask(t, came, 60_001);
    assert.equal([answer.statusCode, answer.headers["x"]], [200, "1, 2"]);
    assert.ok((await textOf(answer)) === lines + lines);
    assert.ok((await textOf((await ask(t, came, 60_001)).lend())) === lines + lines);
    assert.is(await textOf((await ask(t, "HTTP/1.1 404 No\r\n\r\nno app", 1)).lend()), "no app");
    assert.is(await textOf(await ask(t, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", 10, "HEAD")), "");
    for await (const piece of (await ask(t, came, 60_001)).lend()) {
      assert.is(piece.toString("latin1", 0, 7), "a line\n");
      break;
    }
  });

  test("what broke off is told from what has ended", async (t) => {
    const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (const came of [head, `${head}3\r\nab`, `${head}3\r\nabc\r\n0\r\n`]) {
      const error = await rejects(textOf(await ask(t, came)));
      assert.is((error as NodeJS.ErrnoException).code, "ECONNRESET", came);
      assert.instance(await rejects(textOf((await ask(t, came)).lend())), BrokenOff);
    }
    assert.instance(await rejects(textOf(await ask(t, `${head}zz\r\n`))), NoAnswer);
    assert.instance(await rejects(ask(t, "HTTP/1.1 200 OK\r\ncontent-le")), BrokenOff);
    assert.instance(await rejects(ask(t, "SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n")), NoAnswer);
    assert.instance(await rejects(ask(t, `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`)), NoAnswer);
    assert.is(((await rejects(askForStream("/nonexistent/s", QUESTION))) as NodeJS.ErrnoException).code, "ENOENT");
  });
});
