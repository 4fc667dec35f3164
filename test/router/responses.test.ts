/** Reading what a web process answers, byte for byte. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import { BodyReader, type Framing } from "../../src/router/body-reader.ts";
import { parseHead, parseTrailers } from "../../src/router/response-head.ts";
import { describe } from "../support/suite.ts";
import { field, Lab, rawWeb } from "./lab.ts";

const OK = "HTTP/1.1 200 OK";

interface Read {
  body: string;
  rest: string;
  done: boolean;
  broken: boolean;
  trailers: string[];
}

function read(framing: Framing, pieces: readonly Buffer[]): Read {
  const chunks: Buffer[] = [];
  const reader = new BodyReader(framing, { onBody: (chunk) => void chunks.push(Buffer.from(chunk)) });
  let rest = "";
  for (const piece of pieces) rest += piece.subarray(reader.read(piece, 0)).toString("latin1");
  const { done, broken, trailers } = reader;
  return { body: Buffer.concat(chunks).toString("latin1"), rest, done, broken, trailers: [...trailers] };
}

function cutAt(text: string, places: readonly number[]): Buffer[] {
  const ends = [...new Set([...places.map((place) => place % (text.length + 1)), text.length])].sort((a, b) => a - b);
  let from = 0;
  return ends.map((end) => {
    const piece = Buffer.from(text.slice(from, end), "latin1");
    from = end;
    return piece;
  });
}

describe("response head", (test) => {
  test("what decides about body and connection", () => {
    const cases: [string, Record<string, unknown>][] = [
      [OK, { status: 200, reason: "OK", length: undefined, chunked: false, persistent: true }],
      ["HTTP/1.1 200", { reason: "" }],
      ["HTTP/1.0 200 OK", { persistent: false }],
      ["HTTP/1.0 200 OK\r\nConnection: Keep-Alive", { persistent: true }],
      [`${OK}\r\nConnection: X-A, Close\r\nX-A: 1`, { persistent: false, headers: ["Via", "1.1 git-heroku-router"] }],
      [`${OK}\r\nContent-Length:7\r\nKeep-Alive: timeout=5, max=9`, { length: 7, keepAliveMs: 5_000 }],
      [`${OK}\r\nTransfer-Encoding: Chunked`, { chunked: true, headers: ["Via", "1.1 git-heroku-router"] }],
      [`${OK}\r\nA: \t b c\u00a0\t `, { headers: ["A", "b c\u00a0", "Via", "1.1 git-heroku-router"] }],
      [`${OK}\r\nA:`, { headers: ["A", "", "Via", "1.1 git-heroku-router"] }],
    ];
    for (const [text, expected] of cases) {
      const head = parseHead(text) as unknown as Record<string, unknown> | undefined;
      for (const [name, value] of Object.entries(expected)) assert.equal(head?.[name], value, `${name} of ${text}`);
    }
  });

  test("what can be read in more than one way is refused", () => {
    const bad = [
      "SMTP ready",
      "HTTP/2 200 OK",
      "HTTP/1.1 099 No",
      "HTTP/1.1 200OK",
      `${OK}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked`,
      `${OK}\r\nContent-Length: 1\r\nContent-Length: 2`,
      `${OK}\r\nContent-Length: 1\r\nContent-Length: 1`,
      `${OK}\r\nContent-Length: 1, 1`,
      `${OK}\r\nContent-Length: -1`,
      `${OK}\r\nContent-Length: 0x1`,
      `${OK}\r\nContent-Length: `,
      `${OK}\r\nTransfer-Encoding: gzip, chunked`,
      `${OK}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity`,
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
      `${OK}\r\nA : 1`,
      `${OK}\r\n folded: 1`,
      `${OK}\r\nA: 1\r\n folded`,
      `${OK}\r\n: 1`,
      `${OK}\r\nno colon`,
      `${OK}\r\nA(: 1`,
    ];
    for (const text of bad) assert.is(parseHead(text), undefined, text);
  });

  test("trailers are pairs, and lines that are none are left out", () => {
    assert.equal(parseTrailers(["A: 1", "b:2 ", "no", ": 3", "C D: 4"]), [
      ["A", "1"],
      ["b", "2"],
    ]);
  });
});

describe("response body", (test) => {
  test("however it is cut, a chunked body is the same", () => {
    const chunks = fc.array(fc.string({ minLength: 1, maxLength: 40, unit: "binary-ascii" }), { maxLength: 6 });
    const places = fc.array(fc.nat(), { maxLength: 8 });
    fc.assert(
      fc.property(chunks, places, (parts, cuts) => {
        const sized = parts.map((part) => `${part.length.toString(16)};x="y"\r\n${part}\r\n`).join("");
        const got = read("chunked", cutAt(`${sized}0\r\nA: 1\r\n\r\nREST`, cuts));
        assert.equal(got, { body: parts.join(""), rest: "REST", done: true, broken: false, trailers: ["A: 1"] });
      }),
    );
  });

  test("a length ends where it says, a connection never by itself", () => {
    assert.equal(read(3, [Buffer.from("a"), Buffer.from("bcd")]), {
      body: "abc",
      rest: "d",
      done: true,
      broken: false,
      trailers: [],
    });
    assert.is(read(0, []).done, true);
    assert.is(read("close", [Buffer.from("abc")]).done, false);
  });

  test("broken chunks are told", () => {
    const long = `1;${"x".repeat(9_000)}\r\n`;
    const bad = [
      "x\r\n",
      "\r\n",
      "-1\r\n",
      "1\na",
      "1\r\nab\r\n",
      "1\r\na\n",
      "1000000000000000\r\n",
      long,
      "0x1\r\n",
      " 1\r\n",
    ];
    for (const text of bad) assert.is(read("chunked", [Buffer.from(text)]).broken, true, JSON.stringify(text));
    assert.is(read("chunked", [Buffer.from(`0\r\n${`A: ${"x".repeat(8_000)}\r\n`.repeat(9)}`)]).broken, true);
  });
});

describe("response on the wire", (test) => {
  test("byte by byte, behind an interim answer, twice on one connection", async (t) => {
    const lab = await Lab.start(t);
    let connections = 0;
    const answer =
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    const backend = await rawWeb(t, (socket) => {
      connections += 1;
      socket.setNoDelay(true).on("data", () => {
        const bytes = answer.split("");
        const next = (): void => {
          const byte = bytes.shift();
          if (byte !== undefined) socket.write(byte, next);
        };
        next();
      });
    });
    lab.route({ backends: [backend] });
    for (let n = 0; n < 2; n += 1) assert.is((await lab.ask()).text, "hi");
    assert.is(connections, 1);
  });

  test("bytes that nobody asked for end the connection, not the next request", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) =>
      socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n\r\n")),
    );
    lab.route({ backends: [backend] });
    for (let n = 0; n < 3; n += 1) assert.is((await lab.ask()).text, "hi");
  });

  test("lines that end with a newline alone are no HTTP (H17)", async (t) => {
    const lab = await Lab.start(t);
    lab.route({
      backends: [await rawWeb(t, (socket) => socket.once("data", () => socket.write("HTTP/1.1 200 OK\n\n")))],
    });
    assert.is((await lab.ask()).status, 503);
    assert.is(field(await lab.line(), "code"), "H17");
  });

  test("a process that closes idle connections soon says so, and is obeyed", async (t) => {
    const lab = await Lab.start(t);
    let connections = 0;
    const backend = await rawWeb(t, (socket) => {
      connections += 1;
      socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nhi"));
    });
    lab.route({ backends: [backend] });
    for (let n = 0; n < 2; n += 1) await lab.ask();
    assert.is(connections, 2);
  });
});
