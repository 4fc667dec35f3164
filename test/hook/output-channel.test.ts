import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { OutputChannel } from "../../src/hook/output-channel.ts";
import { describe, type TestContext } from "../support/suite.ts";

async function pair(t: TestContext): Promise<{ ours: Socket; theirs: Socket }> {
  const path = join(await t.tempDir(), "s");
  const server = createServer({ allowHalfOpen: true });
  t.after(() => server.close());
  server.listen(path);
  await once(server, "listening");
  const theirs = connect(path);
  const [ours] = (await once(server, "connection")) as [Socket];
  t.after(() => ours.destroy());
  t.after(() => theirs.destroy());
  return { ours, theirs };
}

describe("output channel", (test) => {
  test("keeps what is said before the reader comes", async (t) => {
    const { ours, theirs } = await pair(t);
    const channel = new OutputChannel();
    channel.write("one\n");
    channel.write("two\n");
    channel.attach(ours);
    channel.write("three\n");
    channel.end();
    channel.write("too late\n");
    assert.is(await readText(theirs), "one\ntwo\nthree\n");
  });

  test("a reader who comes after the end still gets everything", async (t) => {
    const { ours, theirs } = await pair(t);
    const channel = new OutputChannel();
    channel.write("one\n");
    channel.end();
    channel.attach(ours);
    assert.is(await readText(theirs), "one\n");
  });

  test("a reader who lags loses text and is told how much", async (t) => {
    const { ours, theirs } = await pair(t);
    const channel = new OutputChannel();
    channel.attach(ours);
    const line = `${"x".repeat(99_999)}\n`;
    for (let count = 0; count < 50; count += 1) channel.write(line);
    channel.end();
    const seen = await readText(theirs);
    const [, dropped = "0"] = /\((\d+) bytes of output were left out/.exec(seen) ?? [];
    assert.ok(Number(dropped) > 3_000_000, dropped);
    assert.is(seen.split("x".repeat(99_999)).length - 1, 50 - Number(dropped) / 100_000);
  });

  test("nobody at all costs no more than the limit", () => {
    const channel = new OutputChannel();
    for (let count = 0; count < 100; count += 1) channel.write("x".repeat(100_000));
    channel.end();
  });
});
