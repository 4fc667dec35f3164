/** Answers in HTTP/1.0, whole, cut and odd. The exchange over a real socket is in platform-client.test.ts. */
import * as assert from "uvu/assert";
import { askShortly, BrokenOff, NoAnswer, parseAnswer } from "../../src/api/short-exchange.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const parse = (text: string): ReturnType<typeof parseAnswer> => parseAnswer(Buffer.from(text, "latin1"));

/** What came, and the body, or what is wrong with it. */
const ANSWERS: [came: string, expected: string | typeof BrokenOff | typeof NoAnswer][] = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "[]"],
  ["HTTP/1.1 200 OK\r\ncontent-length:2 \r\n\r\n[] and more", "[]"],
  ["HTTP/1.0 200\r\n\r\nuntil the end\r\n\r\n", "until the end\r\n\r\n"],
  ["HTTP/1.1 204 No Content\r\n\r\n", ""],
  ["", BrokenOff],
  ["HT", BrokenOff],
  ["HTTP/1.1 200 OK\r\ncontent-len", BrokenOff],
  ["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n[]", BrokenOff],
  ["SSH-2.0-OpenSSH_9.2\r\n", NoAnswer],
  ["SSH-2.0\r\n\r\n", NoAnswer],
  ["HTTP/2 200 OK\r\n\r\n", NoAnswer],
  ["HTTP/1.1 2000 OK\r\n\r\n", NoAnswer],
  ["HTTP/1.1 200 OK\r\nno header\r\n\r\n", NoAnswer],
  ["HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", NoAnswer],
  ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", NoAnswer],
];

describe("short exchange", (test) => {
  test("an answer is read whole, or told from one that broke off and from something else", () => {
    for (const [came, expected] of ANSWERS) {
      const answer = parse(came);
      if (typeof expected === "string") assert.is("body" in answer && answer.body.toString("latin1"), expected, came);
      else assert.instance(answer, expected, came);
    }
    const answer = parse("HTTP/1.1 201 Made\r\nGit-Heroku-Release: 7\r\nx: a: b\r\n\r\n");
    assert.equal("status" in answer && [answer.status, { ...answer.headers }], [
      201,
      { "git-heroku-release": "7", x: "a: b" },
    ]);
  });

  test("nothing in a question begins another line", async () => {
    const question = { method: "GET", path: "/apps", headers: {}, body: undefined };
    for (const odd of [
      { path: "/a b" },
      { path: "/a\r\nx: y" },
      { headers: { x: "y\nz: 1" } },
      { headers: { x: "漢" } },
    ]) {
      assert.match(String(await rejects(askShortly("/nonexistent", { ...question, ...odd }))), "cannot be asked");
    }
  });
});
