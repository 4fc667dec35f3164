/** The slug store of an app: what is let go and when, what is built again, and what is found to be damaged. */
import { chmod, cp, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { ToolFailed, type GitContext } from "../../src/build/git.ts";
import { diskUse } from "../../src/build/slug-shelf.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { App } from "../../src/platform/app.ts";
import { setBuildpacks } from "../../src/platform/buildpacks.ts";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { checkSlugs } from "../../src/platform/check-slugs.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { ensureSlug } from "../../src/platform/ensure-slug.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { runDetached } from "../../src/platform/run-detached.ts";
import { describeSlugs, diskUseOf, evictSlugs } from "../../src/platform/slugs.ts";
import { QUIET_MS } from "../../src/platform/upkeep.ts";
import { systemClock } from "../../src/bin/system-clock.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { bringCode, logText, NED, openLab, pushCommit, until, type Lab } from "./lab.ts";

const PAGES = fileURLToPath(new URL("../../../fixtures/buildpacks/pages", import.meta.url));
const DAY_MS = 24 * 3_600_000;

/** Upkeep, which looks at slugs by itself, never comes. */
const NO_UPKEEP: Clock = {
  now: () => systemClock.now(),
  sleep: (ms, signal) => systemClock.sleep(ms === QUIET_MS ? DAY_MS : ms, signal),
};

class LaterClock implements Clock {
  #later = 0;
  readonly sleep: Clock["sleep"] = (ms, signal) => NO_UPKEEP.sleep(ms, signal);
  now(): number {
    return systemClock.now() + this.#later;
  }
  passDays(days: number): void {
    this.#later += days * DAY_MS;
  }
}

async function deploy(lab: Lab, app: App, name: string, more: Record<string, string> = {}): Promise<void> {
  await pushCommit(lab, app, await bringCode(lab, app, { Procfile: "worker: exec sleep 600\n", name, ...more }));
}

/** A launch asks for the slug, too. */
async function launched(app: App, version: number): Promise<void> {
  await until(() => app.launchedVersion === version);
  await app.launches.drained();
}

/** The contents of the file `name` of each slug, newest first. */
async function kept(lab: Lab, app: App): Promise<string[]> {
  const slugs = await describeSlugs(lab.platform, app, { verify: false });
  return Promise.all(slugs.map(({ dir }) => readFile(join(dir, "name"), "utf8")));
}

describe("slug store", (test) => {
  test("lets go what can be had again, and has it again for a rollback", async (t) => {
    const clock = new LaterClock();
    const lab = await openLab(t, { clock });
    const { platform } = lab;
    const app = await createApp(platform, "foobaz", NED);
    const pages = join(await t.tempDir(), "pages");
    await cp(PAGES, pages, { recursive: true });
    await setBuildpacks(app, [pages], NED);
    await deploy(lab, app, "not locked", { "pages/hello.txt": "Hello\n" });
    await setBuildpacks(app, [], NED);
    for (const name of ["three", "runs", "five"]) {
      await deploy(lab, app, name);
      if (name === "runs") await runDetached(platform, app, { command: "exec sleep 600", env: {} }, NED);
    }
    await changeSettings(platform, app, { "slug-releases": "1", "slug-days": "3" }, NED);
    clock.passDays(2);
    await evictSlugs(platform, app);
    assert.equal(await kept(lab, app), ["five", "runs", "three", "not locked"], "all are younger than three days");
    clock.passDays(2);
    // A daemon was killed while it removed one.
    await mkdir(join(app.dir, "slugs", `.evicted-${"a".repeat(40)}-${"b".repeat(12)}-01234567`, "app"), {
      recursive: true,
    });
    await evictSlugs(platform, app);
    assert.equal(await kept(lab, app), ["five", "runs", "not locked"]);
    assert.match(await logText(app), /Evicted slug [0-9a-f]{8} \(1K\): no release needs it now/);
    assert.equal(
      (await readdir(join(app.dir, "slugs"))).filter((name) => name.startsWith(".")),
      [],
    );

    let shown = "";
    await rollback(platform, app, 3, { ...NED, output: (text) => (shown += text) });
    assert.match(
      shown,
      "-----> The slug of v3 is not there any more: building it again\n-----> Procfile app detected\n",
    );
    assert.equal(await kept(lab, app), ["three", "five", "runs", "not locked"]);
    const [newest, , runs, oldest] = await describeSlugs(platform, app, { verify: true });
    assert.equal([newest?.releases, newest?.locked, newest?.isIntact], [[6, 3], true, true]);
    assert.equal([runs?.releases, runs?.isRunning], [[4], true]);
    assert.equal([oldest?.releases, oldest?.locked ?? false, oldest?.isIntact], [[2], false, true]);
    const disk = await diskUseOf(platform, app);
    assert.ok(disk.slugs > 0 && disk.repository > 0, JSON.stringify(disk));
  });

  test("a file that goes while the disk is counted is no failure, and what counts must be there", async (t) => {
    const [bin, counted] = [await t.tempDir(), await t.tempDir()];
    const git = (path: string): GitContext => ({ repo: counted, path, signal: new AbortController().signal });
    await symlink("/bin/sh", join(bin, "sh"));
    assert.instance(await rejects(diskUse(git(bin), [counted])), ToolFailed);
    // du goes on, and says by its status that something was not there.
    await writeFile(join(bin, "du"), '#!/bin/sh\nprintf "5\\t%s\\n" "$2"\necho "du: gone" >&2\nexit 1\n', {
      mode: 0o755,
    });
    assert.equal(await diskUse(git(bin), [counted, join(counted, "absent")]), [5 * 1024, 0]);
  });

  test("a damaged slug is told (R17) and built again; one that was only copied is not", async (t) => {
    const lab = await openLab(t, { clock: NO_UPKEEP });
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app, "as built");
    const release = await app.ledger.current();
    if (release === undefined) throw new Error("no release");
    await launched(app, release.version);
    const { dir } = await ensureSlug(lab.platform, app, release);
    await utimes(join(dir, "name"), 1, 1);
    assert.is((await ensureSlug(lab.platform, app, release)).dir, dir);
    assert.not.match(await logText(app), "R17");
    await chmod(join(dir, "name"), 0o644);
    await writeFile(join(dir, "name"), "changed by hand");
    const [before] = await describeSlugs(lab.platform, app, { verify: true });
    assert.is(before?.isIntact, false);
    await ensureSlug(lab.platform, app, release);
    assert.is(await readFile(join(dir, "name"), "utf8"), "as built");
    assert.match(
      await logText(app),
      /Error R17 \(Checksum error\) -> Slug [0-9a-f]{8} is not what was built\. Expected: SHA256:/,
    );
    const [after] = await describeSlugs(lab.platform, app, { verify: true });
    assert.equal([after?.isIntact, after?.id], [true, before?.id]);
  });

  test("what is changed, added or missing deep in a slug is found some time after the next launch", async (t) => {
    const lab = await openLab(t, { clock: NO_UPKEEP });
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app, "deep", { "a/b/one": "1", "a/b/two": "2" });
    const release = await app.ledger.current();
    if (release === undefined) throw new Error("no release");
    await launched(app, release.version);
    const { dir } = await ensureSlug(lab.platform, app, release);
    // Counted, which changes nothing; looked at again only after another launch.
    await checkSlugs(lab.platform, app);
    const changes: readonly (() => Promise<unknown>)[] = [
      async () => {
        await chmod(join(dir, "a/b/one"), 0o644);
        await writeFile(join(dir, "a/b/one"), "3");
      },
      () => writeFile(join(dir, "a/b/three"), ""),
      () => rm(join(dir, "a/b/two")),
    ];
    for (const [index, change] of changes.entries()) {
      await change();
      await checkSlugs(lab.platform, app);
      assert.is((await logText(app)).split("R17").length - 1, index, "nobody has asked for it since");
      assert.is((await ensureSlug(lab.platform, app, release)).dir, dir);
      await checkSlugs(lab.platform, app);
      assert.is((await logText(app)).split("R17").length - 1, index + 1);
      assert.equal((await readdir(join(dir, "a/b"))).sort(), ["one", "two"]);
      assert.is(await readFile(join(dir, "a/b/one"), "utf8"), "1");
      await ensureSlug(lab.platform, app, release);
      await checkSlugs(lab.platform, app);
    }
    await utimes(join(dir, "a/b/one"), 1, 1);
    await ensureSlug(lab.platform, app, release);
    await checkSlugs(lab.platform, app);
    assert.is((await logText(app)).split("R17").length - 1, changes.length, "only its time was changed");
  });
});
