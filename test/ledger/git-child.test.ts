/** The git processes that stay: started again when needed, let go when quiet, and survived when killed. */
import { once } from "node:events";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as assert from "uvu/assert";
import { GitChild } from "../../src/ledger/git-child.ts";
import { openRepository } from "../../src/ledger/git-process.ts";
import { ObjectReader } from "../../src/ledger/object-reader.ts";
import { RefUpdater } from "../../src/ledger/ref-updater.ts";
import { rejects } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { makeCode, makeFixture, NED, setConfig, type Fixture } from "./fixture.ts";

const proc = process.platform === "linux" ? undefined : "/proc";

async function children(): Promise<number[]> {
  const text = await readFile(`/proc/self/task/${String(process.pid)}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

async function makeReader(t: TestContext): Promise<{ fixture: Fixture; reader: ObjectReader }> {
  const fixture = await makeFixture(t);
  await fixture.ledger.close();
  const reader = new ObjectReader(openRepository(fixture.repo, NED));
  t.after(() => reader.close());
  return { fixture, reader };
}

describe("git child", (test) => {
  test("is let go when quiet and started again when needed", async (t) => {
    const fixture = await makeFixture(t);
    const events = new EventTarget();
    let awaited = 0;
    const child = new GitChild({
      repository: openRepository(fixture.repo, NED),
      args: ["cat-file", "--batch-command"],
      idleMs: 5,
      onOutput: (chunk) => {
        if (!String(chunk).includes("commit")) return;
        awaited -= 1;
        events.dispatchEvent(new CustomEvent("answer"));
      },
      onEnd: () => events.dispatchEvent(new CustomEvent("end")),
      isIdle: () => awaited === 0 && events.dispatchEvent(new CustomEvent("idle")),
    });
    t.after(() => child.close());
    for (let round = 0; round < 3; round += 1) {
      const [answered, quiet] = [once(events, "answer"), once(events, "idle")];
      awaited += 1;
      child.write("info refs/heads/releases\n");
      await Promise.all([answered, quiet]);
    }
  });

  test("says that a closed ledger is closed", async (t) => {
    const { ledger } = await makeFixture(t);
    await ledger.close();
    assert.match(String(await rejects(ledger.head())), /closed/);
    assert.match(String(await rejects(setConfig(ledger, "x"))), /closed/);
  });

  test("closing waits for what was asked before", async (t) => {
    const { reader } = await makeReader(t);
    const asked = Array.from({ length: 50 }, () => reader.info("refs/heads/releases"));
    await reader.close();
    assert.ok((await Promise.all(asked)).every((found) => found?.type === "commit"));
  });

  test("reads objects of any size, in the order asked", async (t) => {
    const { fixture, reader } = await makeReader(t);
    const big = "0123456789".repeat(400_000);
    const { oid } = await makeCode(fixture, { big, small: "x", empty: "" });
    const names = ["big", "small", "none", "empty", "big"].map((name) => `${oid}:${name}`);
    const found = await Promise.all(names.map((name) => reader.contents(name)));
    assert.equal(
      found.map((object) => object?.data.length),
      [4_000_000, 1, undefined, 0, 4_000_000],
    );
    assert.is(found[0]?.data.toString(), big);
    await rejects(reader.info("a\ninfo b"));
  });

  test.needing(proc, "killed under a read, it is asked again", async (t) => {
    const { fixture, reader } = await makeReader(t);
    const { oid } = await makeCode(fixture, { big: "0123456789".repeat(400_000) });
    await reader.info(oid);
    const asked = Array.from({ length: 20 }, () => reader.contents(`${oid}:big`));
    for (const pid of await children()) process.kill(pid, "SIGKILL");
    for (const found of await Promise.all(asked)) assert.is(found?.data.length, 4_000_000);
  });

  test("a move is refused when the ref is not where it was expected", async (t) => {
    const fixture = await makeFixture(t);
    const refs = new RefUpdater(openRepository(fixture.repo, NED));
    t.after(() => refs.close());
    const { oid } = await makeCode(fixture, { "index.js": "1" });
    const wrong = { ref: "refs/heads/releases", from: oid, to: oid };
    const fine = { ref: "refs/heads/main", from: undefined, to: oid };
    assert.is((await refs.move([wrong, fine])).kind, "refused");
    assert.is(await fixture.ledger.ref("refs/heads/main"), undefined);
    assert.is((await refs.move([fine])).kind, "moved");
  });

  test.needing(proc, "killed on the way, it leaves no lock", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.close();
    const { oid } = await makeCode(fixture, { "index.js": "1" });
    const refs = new RefUpdater(openRepository(fixture.repo, NED));
    t.after(() => refs.close());
    await refs.move([{ ref: "refs/heroku/a", from: undefined, to: oid }]);
    const [pid = 0] = await children();
    // Stopped, it takes what it is told but gets nowhere; its lock is there as if it had got half-way.
    process.kill(pid, "SIGSTOP");
    const lock = join(fixture.repo, "refs/heroku/b.lock");
    await writeFile(lock, "");
    const move = { ref: "refs/heroku/b", from: undefined, to: oid };
    const moving = refs.move([move]);
    await nextTurn();
    process.kill(pid, "SIGKILL");
    assert.is((await moving).kind, "unknown");
    await rejects(access(lock));
    assert.is((await refs.move([move])).kind, "moved");
  });
});
