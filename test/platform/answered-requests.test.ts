/** What a daemon has answered, as the next one finds it. */
import { appendFile, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { AnsweredRequests } from "../../src/platform/answered-requests.ts";
import { describe } from "../support/suite.ts";

const SECRET = "git-heroku-token id PATCH /apps/foobaz/config-vars 0f9b9c70";

describe("answered requests", (test) => {
  let now = Date.UTC(2026, 10, 25, 12);
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const open = (path: string): AnsweredRequests => new AnsweredRequests(path, clock);

  test("the next daemon knows what was answered, what was begun and what was not", async (t) => {
    const path = join(await t.tempDir(), "requests");
    const first = open(path);
    assert.is(first.find(SECRET), undefined);
    for (const secret of [SECRET, "begun", "undone", "stream"]) first.begin(secret);
    first.end(SECRET, '{"body":"s3cret"}');
    first.undo("undone");
    first.end("stream", undefined);
    const second = open(path);
    assert.equal(
      [SECRET, "begun", "undone", "stream", "never"].map((secret) => second.find(secret)),
      ['{"body":"s3cret"}', "begun", undefined, "begun", undefined],
    );
    const text = await readFile(path, "utf8");
    for (const secret of ["s3cret", "git-heroku-token", "0f9b9c70", "config-vars"]) assert.not.match(text, secret);
    first.close();
  });

  test("half a line costs that line, and what is damaged is as begun", async (t) => {
    const path = join(await t.tempDir(), "requests");
    const first = open(path);
    first.begin(SECRET);
    first.end(SECRET, "whole");
    first.begin("other");
    const { length } = await readFile(path);
    first.end("other", "torn");
    first.close();
    await truncate(path, length + 60);
    const second = open(path);
    assert.equal([second.find(SECRET), second.find("other")], ["whole", "begun"]);
    second.begin("later");
    second.end("later", "after the half line");
    second.close();
    assert.equal([open(path).find("later"), open(path).find(SECRET)], ["after the half line", "whole"]);
    const entry = (await readFile(path, "utf8")).split("\n").find((line) => line.includes("answer")) ?? "";
    await appendFile(path, `\n${entry.replace(/"answer":"..../, '"answer":"AAAA')}\n`);
    assert.is(open(path).find(SECRET), "begun");
  });

  test("after five minutes nothing is known any more, and two files are all that there is", async (t) => {
    const dir = await t.tempDir();
    const path = join(dir, "requests");
    const daemon = open(path);
    for (let minute = 0; minute < 30; minute += 1) {
      daemon.begin(String(minute));
      daemon.end(String(minute), "done");
      now += 60_000;
    }
    daemon.close();
    const next = open(path);
    const known = Array.from({ length: 30 }, (_, minute) => next.find(String(minute)));
    assert.equal(known, [...Array<undefined>(26).fill(undefined), ...Array<string>(4).fill("done")]);
    assert.equal((await readdir(dir)).sort(), ["requests", "requests.before"]);
    assert.ok((await readFile(path, "utf8")).split("\n").length < 20);
  });
});
