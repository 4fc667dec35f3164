/** Drains over HTTP, against receivers that do all that receivers do. */
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { freePort } from "../support/http.ts";
import { describe } from "../support/suite.ts";
import { openDrainLab, QUICK, type DrainLab } from "./lab.ts";
import { HttpReceiver } from "./receiver.ts";

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${String(from + index)}`);

function urlOf(receiver: HttpReceiver, path = "/in"): string {
  return `http://127.0.0.1:${String(receiver.port)}${path}`;
}

async function oneDrain(lab: DrainLab, receiver: HttpReceiver): Promise<void> {
  await lab.add(lab.spec(1, urlOf(receiver)));
}

describe("drain over HTTP", (test) => {
  test("posts Heroku's frames, from the moment at which it was added", async (t) => {
    const [lab, receiver] = [await openDrainLab(t), await HttpReceiver.open(t)];
    lab.log("before");
    const spec = lab.spec(1, `http://ned:s3cret%21@127.0.0.1:${String(receiver.port)}/in?a=1`);
    await lab.add(spec);
    lab.log("one", "two");
    await receiver.got("two");
    const [post] = receiver.posts;
    assert.equal(receiver.messages, ["one", "two"]);
    const { headers } = post ?? {};
    assert.is(post?.url, "/in?a=1");
    assert.is(headers?.["content-type"], "application/logplex-1");
    assert.is(headers?.["logplex-drain-token"], spec.token);
    assert.is(headers?.["logplex-msg-count"], String(post?.messages.length));
    assert.match(String(headers?.["logplex-frame-id"]), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.is(headers?.["user-agent"], "Logplex/test");
    assert.is(headers?.authorization, `Basic ${Buffer.from("ned:s3cret!").toString("base64")}`);
    await lab.close();
    assert.equal([lab.drains.status(spec.id)?.state, lab.drains.status(spec.id)?.delivered], ["delivering", 2]);
  });

  test("sends the same frame until it is taken, and holds up nobody else", async (t) => {
    const [lab, slow, good] = [await openDrainLab(t), await HttpReceiver.open(t), await HttpReceiver.open(t)];
    slow.answers = [500, 503, { status: 429, headers: { "retry-after": "0" } }, 302, 200];
    await lab.add(lab.spec(1, urlOf(slow)), lab.spec(2, urlOf(good)));
    lab.log(...numbered(0, 3));
    await slow.got("line 2");
    await good.got("line 2");
    const first = slow.posts.slice(0, 5);
    assert.is(new Set(first.map(({ headers }) => headers["logplex-frame-id"])).size, 1);
    assert.is(new Set(first.map(({ body }) => body.toString())).size, 1);
    assert.equal(slow.messages.slice(0, 3), numbered(0, 3));
    // What was said about the failure is a line like all others.
    await slow.got("delivers again");
    assert.equal(lab.told, [
      `Drain ${lab.spec(1, "").token} fails: it answers with status 429. What it misses is kept and sent later`,
      `Drain ${lab.spec(1, "").token} delivers again`,
    ]);
    assert.is(lab.drains.status(lab.spec(1, "").id)?.dropped, 0);
  });

  test("drops what is refused, counts it, and says so in the next frame that is taken", async (t) => {
    const [lab, receiver] = [await openDrainLab(t), await HttpReceiver.open(t)];
    receiver.answers = [413, 400, 200];
    const { id, token } = lab.spec(1, "");
    await oneDrain(lab, receiver);
    lab.log(...numbered(0, 3));
    await receiver.until(() => receiver.posts.length >= 2);
    lab.log("after");
    await receiver.got("after");
    await lab.close();
    const inRefused = receiver.posts.slice(0, 2).flatMap(({ messages }) => messages);
    const refused = inRefused.filter(({ msg }) => !msg.includes("L10")).length;
    assert.is(lab.drains.status(id)?.dropped, refused);
    const text = `Error L10 (output buffer overflow): ${String(refused)} messages dropped since `;
    const notices = receiver.accepted.flatMap(({ messages }) => messages).filter(({ msg }) => msg.startsWith(text));
    assert.equal(
      notices.map(({ priority, ps }) => [priority, ps]),
      [[172, "logplex"]],
    );
    assert.is(lab.told[0], `Drain ${token} refuses lines, which are dropped: it answers with status 413`);
  });

  test("a receiver that hangs, or is away, gets everything when it is back", async (t) => {
    const lab = await openDrainLab(t, { rules: { requestMs: 2_000 } });
    const [hangs, port] = [await HttpReceiver.open(t), await freePort()];
    hangs.answers = ["hang", "hang", 200];
    await lab.add(lab.spec(1, urlOf(hangs)), lab.spec(2, `http://127.0.0.1:${String(port)}/in`));
    for (const message of numbered(0, 3000)) lab.log(message);
    await lab.store.flushed();
    // From the third post on it answers, however long that takes.
    await hangs.until(() => hangs.posts.length >= 3);
    lab.drains.configure(QUICK);
    await hangs.got("line 2999");
    assert.is(hangs.posts[1]?.headers["logplex-frame-id"], hangs.posts[0]?.headers["logplex-frame-id"]);
    await lab.untilTold("ECONNREFUSED");
    const late = await HttpReceiver.open(t, port);
    await late.got("line 2999");
    for (const { messages } of [hangs, late])
      assert.equal(
        messages.filter((message) => message.startsWith("line")),
        numbered(0, 3000),
      );
  });

  test("goes on where it was, with the frame that was under way, whenever the daemon is killed", async (t) => {
    const [lab, receiver] = [await openDrainLab(t), await HttpReceiver.open(t)];
    receiver.answers = [200, "hang"];
    const spec = lab.spec(1, urlOf(receiver));
    await lab.add(spec);
    lab.log("first");
    await receiver.got("first");
    lab.log(...numbered(0, 10));
    await receiver.until(() => receiver.posts.length === 2);
    // What is on disk now is what a killed daemon would leave.
    const [file, kept] = [join(lab.dir, "drains", `${spec.id}.ndjson`), join(lab.dir, "kept")];
    await copyFile(file, kept);
    await lab.close();
    await copyFile(kept, file);
    const again = await openDrainLab(t, { dir: lab.dir });
    again.log(...numbered(10, 20));
    receiver.answers = [200];
    await again.drains.use([spec]);
    await receiver.got("line 19");
    assert.is(receiver.posts[2]?.headers["logplex-frame-id"], receiver.posts[1]?.headers["logplex-frame-id"]);
    assert.equal(
      receiver.accepted.flatMap(({ messages }) => messages).map(({ msg }) => msg),
      ["first", ...numbered(0, 20)],
    );
    await again.close();
    // Without its file it sends all since it was added, rather than nothing.
    const lost = await openDrainLab(t, { dir: lab.dir });
    await lost.drains.use([]);
    await lost.drains.use([spec]);
    await receiver.until(() => receiver.accepted.at(-1)?.messages.at(-1)?.msg === "line 19");
    await receiver.until(() => receiver.accepted.filter((post) => post.messages[0]?.msg === "first").length === 2);
  });

  test("counts what retention takes away before it was sent, to the line", async (t) => {
    const lab = await openDrainLab(t, { segmentBytes: 20_000 });
    const receiver = await HttpReceiver.open(t);
    receiver.answers = ["hang"];
    await oneDrain(lab, receiver);
    const { id, token } = lab.spec(1, "");
    lab.log("line 0");
    await receiver.until(() => receiver.posts.length === 1);
    for (let from = 1; from < 2000; from += 100) {
      lab.log(...numbered(from, from + 100));
      await lab.store.flushed();
    }
    lab.store.retain({ bytesMax: 60_000, ageMsMax: Number.POSITIVE_INFINITY });
    // Its last word: until then segment after segment goes.
    for await (const { lines } of lab.store.tail({ lines: 100 }, new AbortController().signal))
      if (lines.includes("Retention removed")) break;
    lab.log("last");
    await lab.store.flushed();
    receiver.answers = [200];
    receiver.release();
    await receiver.got("last");
    const got = receiver.messages.filter((message) => message.startsWith("line"));
    const dropped = lab.drains.status(id)?.dropped ?? 0;
    assert.ok(dropped > 1000, String(dropped));
    assert.is(got.length + dropped, 2001);
    assert.equal(got, [...numbered(0, 1), ...numbered(dropped + 1, 2001)]);
    const [notice, ...others] = receiver.messages.filter(
      (message) => message.includes("L10") && !message.includes(token),
    );
    assert.match(notice ?? "", `Error L10 (output buffer overflow): ${String(dropped)} messages dropped since 2`);
    assert.equal(others, []);
    const file = await readFile(join(lab.dir, "drains", `${id}.ndjson`), "utf8");
    assert.match(file, '"resume":');
  });

  test("a drain that is removed sends no more, and leaves nothing behind", async (t) => {
    const [lab, receiver] = [await openDrainLab(t), await HttpReceiver.open(t)];
    receiver.answers = ["hang"];
    await oneDrain(lab, receiver);
    lab.log("one");
    await receiver.until(() => receiver.posts.length === 1);
    await lab.drains.use([]);
    assert.is(lab.drains.status(lab.spec(1, "").id), undefined);
    lab.log("two");
    await lab.store.flushed();
    assert.is(receiver.posts.length, 1);
  });
});
