/** kill -9 at any moment: what was acknowledged is there, what was not happened whole or not at all. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { makeCode, makeFixture, type Fixture } from "./fixture.ts";

const PROGRAM = fileURLToPath(new URL("append-loop.js", import.meta.url));
const ROUNDS = 10;

/** Runs the program until it has told of three versions, kills it, and returns the last version that it told. */
async function killAfter(fixture: Fixture, code: { oid: string; tree: string }, round: number): Promise<number> {
  const paths = [fixture.repo, fixture.options.indexPath, join(fixture.home, "ledger.key")];
  const child = spawn(process.execPath, [PROGRAM, ...paths, code.oid, code.tree], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["ignore", "pipe", "inherit"],
    // Its own process group: its git children die with it, as at a power cut.
    detached: true,
  });
  const pid = child.pid ?? 0;
  let told = "";
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    told += chunk.toString();
    // Different moments of an append: at once, or up to some milliseconds of it later.
    if (told.split("\n").length > 3) timer ??= setTimeout(() => process.kill(-pid, "SIGKILL"), round % 5);
  });
  await once(child, "close");
  return Number(told.trimEnd().split("\n").at(-1));
}

describe("ledger, killed", (test) => {
  test("loses nothing that it acknowledged", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { "index.js": "1" });
    await fixture.ledger.close();
    for (let round = 0; round < ROUNDS; round += 1) {
      const acknowledged = await killAfter(fixture, code, round);
      const ledger = await fixture.reopen();
      const head = await ledger.head();
      assert.ok(Number(head?.version) >= acknowledged, `v${String(acknowledged)} is gone`);
      assert.ok(Number(head?.version) <= acknowledged + 3);
      assert.is(await ledger.ref("refs/heads/main"), code.oid);
      const all = await ledger.list({ max: 10_000 });
      assert.equal(
        all.map((release) => release.version),
        all.map((_, index) => Number(head?.version) - index),
      );
      assert.is((await ledger.get(acknowledged)).version, acknowledged);
      await ledger.close();
    }
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
  });
});
