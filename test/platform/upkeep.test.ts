/** When the daemon packs a repository: after many writes, not while something is built, and never after its end. */
import { setImmediate as turn } from "node:timers/promises";
import { watch } from "node:fs";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { destroyApp } from "../../src/platform/destroy-app.ts";
import { parseAppName } from "../../src/core/app-name.ts";
import type { App } from "../../src/platform/app.ts";
import { AFTER_START_MS, QUIET_MS } from "../../src/platform/upkeep.ts";
import { addLargeCode, addLooseNoise } from "../support/long-ledger.ts";
import { processesOf } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { HeldClock, NED, openLab, until, type Lab } from "./lab.ts";

async function write(app: App, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await app.ledger.changeState({ ...NED, message: "Change" }, () => ({ test: Math.random() }));
  }
}

const packed = (lab: Lab): string[] => lab.notes.filter((note) => note.startsWith("packed "));

describe("upkeep of the platform's repositories", (test) => {
  test("follows a hundred writes, when enough is there to be packed", async (t) => {
    const clock = new HeldClock(QUIET_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    addLooseNoise(lab.home.repo(app.name), 12);
    await write(app, 99);
    assert.is(clock.heldCount, 0);
    await write(app, 1);
    assert.is(clock.heldCount, 1);
    await write(app, 20);
    assert.is(clock.heldCount, 1, "it is planned once");
    clock.letPass();
    await until(() => packed(lab).length === 1);
    assert.match(packed(lab)[0] ?? "", /^packed the repository of foobaz in \d+\.\d s$/);
    await write(app, 80);
    assert.is(clock.heldCount, 1);
    clock.letPass();
    await until(() => clock.heldCount === 0);
    await turn();
    await app.upkeep;
    assert.is(packed(lab).length, 1, "there was nothing to pack");
    assert.is(await lab.git(lab.home.repo(app.name), "fsck", "--strict", "--no-dangling"), "");
  });

  test("comes once after the start, also to an app that nobody touches", async (t) => {
    const clock = new HeldClock(AFTER_START_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    addLooseNoise(lab.home.repo(app.name), 12);
    assert.is(clock.heldCount, 1);
    clock.letPass();
    await until(() => packed(lab).length === 1);
    assert.is(clock.heldCount, 0);
  });

  test("waits for the end of a build", async (t) => {
    const clock = new HeldClock(QUIET_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    addLooseNoise(lab.home.repo(app.name), 12);
    const built = new AbortController();
    const build = app.pushes.run(() => once(built.signal, "abort"));
    await write(app, 100);
    for (let round = 0; round < 3; round += 1) {
      clock.letPass();
      await until(() => clock.heldCount === 1);
    }
    assert.equal(packed(lab), []);
    built.abort();
    await build;
    clock.letPass();
    await until(() => packed(lab).length === 1);
  });

  test("is cut short when its app is destroyed, and has left no process", async (t) => {
    const clock = new HeldClock(QUIET_MS);
    const lab = await openLab(t, { clock });
    let wasInTime = false;
    // On a busy machine the packing may be over before anybody sees it begin.
    for (let attempt = 1; attempt <= 5 && !wasInTime; attempt += 1) {
      const before = packed(lab).length;
      const app = await createApp(lab.platform, "foobaz", NED);
      const repo = lab.home.repo(app.name);
      await addLargeCode(repo, 40);
      addLooseNoise(repo, 12);
      await write(app, 100);
      const begins = watch(join(repo, "objects/pack"));
      clock.letPass();
      await once(begins, "change");
      begins.close();
      await destroyApp(lab.platform, app, NED);
      assert.equal(await processesOf(lab.home.root), []);
      wasInTime = packed(lab).length === before;
    }
    assert.ok(wasInTime);
  });

  test("a repository that cannot be packed is told of, and everything goes on", async (t) => {
    const clock = new HeldClock(QUIET_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    const repo = lab.home.repo(app.name);
    addLooseNoise(repo, 12);
    await mkdir(join(repo, "objects/info/commit-graphs"));
    await writeFile(join(repo, "objects/info/commit-graphs/commit-graph-chain.lock"), "");
    await write(app, 100);
    clock.letPass();
    let faults: string[] = [];
    await until(() => (faults = [...faults, ...lab.takeFaults()]).length > 0);
    assert.match(faults.join(""), /^upkeep of foobaz: Error: git .*commit-graph.* failed: .*File exists/s);
    assert.is(lab.platform.app(parseAppName("foobaz")), app);
    await write(app, 1);
  });
});
