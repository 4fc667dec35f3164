/** kill -9 of the daemon while it makes or restores a backup: there is no half file, no half app, and no key without
 *  its app. */
import { randomBytes } from "node:crypto";
import { readdir, readlink, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkConverged, untilSame } from "../support/converged.ts";
import { cloneFixture, deployFixture, must } from "../support/deploy.ts";
import { killAt } from "../support/kill-at.ts";
import { processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";

const LARGE_BYTES = 24 * 1024 * 1024;

async function filesIn(platform: TestPlatform, dir: string): Promise<string[]> {
  return (await readdir(join(platform.home, dir))).sort();
}

/** Files without a name that a process of the home holds open. */
async function namelessFiles(platform: TestPlatform): Promise<string[]> {
  const found = [];
  for (const { pid } of await processesOf(platform.home)) {
    const dir = `/proc/${String(pid)}/fd`;
    for (const fd of await readdir(dir).catch(() => [])) {
      const target = await readlink(join(dir, fd)).catch(() => "");
      if (target.includes("/repos/.creating-")) found.push(target);
    }
  }
  return found;
}

describe("kill -9 of the daemon, backups", (test) => {
  test("while a backup is made or sent, there is no file and nothing left in the home", async (t) => {
    const platform = await startPlatform(t);
    const clone = await cloneFixture(platform, "foobaz");
    await writeFile(join(clone, "large"), randomBytes(LARGE_BYTES));
    await must(platform, clone, "add", ".");
    await must(platform, clone, "commit", "-q", "-m", "Large");
    await must(platform, clone, "heroku", "create", "foobaz");
    await must(platform, clone, "push", "-q", "production", "main");
    const target = join(platform.dir, "foobaz.backup");
    const words = ["heroku", "backup", "--app", "foobaz", "--output", target, "--plain"];
    const hasBytes = async (name: string): Promise<boolean> =>
      name.startsWith(".foobaz.backup-") && (await stat(join(platform.dir, name)).catch(() => undefined))?.size !== 0;
    const moments = {
      "packing begins": { dir: "repos", isMoment: (name: string) => name.startsWith(".creating-") },
      "it is sent": { dir: "../work", isMoment: hasBytes },
    };
    for (const [name, moment] of Object.entries(moments)) {
      const result = await killAt(platform, moment, () => platform.exec("git", words));
      await platform.start();
      const isThere = (await readdir(platform.dir)).includes("foobaz.backup");
      assert.is(isThere, result.status === 0, `${name}: ${result.stderr}`);
      assert.not.ok((await readdir(platform.dir)).some((file) => file.startsWith(".")));
      if (!isThere) assert.match(result.stderr, "The platform stopped before");
      assert.equal(await filesIn(platform, "repos"), ["foobaz.git"]);
      await untilSame([], () => namelessFiles(platform));
      await must(platform, platform.dir, ...words, "--force");
      assert.ok((await stat(target)).size > LARGE_BYTES);
      await rm(target);
      await untilSame([], () => namelessFiles(platform));
    }
    // The reader that goes away ends it too.
    const left = await platform.exec("sh", ["-c", "git heroku backup -a foobaz -o - --plain | head -c 100000 | wc -c"]);
    assert.match(left.stdout, "100000");
    await untilSame([], () => namelessFiles(platform));
  });

  test("while an app is restored, there is nothing of it or all of it", async (t) => {
    const [source, platform] = [await startPlatform(t), await startPlatform(t)];
    const clone = await deployFixture(source, "foobaz");
    await must(source, clone, "heroku", "config:add", "GREETING=hey");
    await must(source, clone, "heroku", "scale", "worker=1");
    const file = join(source.dir, "foobaz.backup");
    await must(source, clone, "heroku", "backup", "--output", file, "--plain");
    const moments = {
      "the repository begins": { dir: "repos", isMoment: (name: string) => name.startsWith(".creating-") },
      "the keys are announced": { dir: "keys", isMoment: (name: string) => name === ".restoring-foobaz" },
      "the key is there": { dir: "keys", isMoment: (name: string) => name === "foobaz.keys" },
      "the ledger key is there": { dir: "keys", isMoment: (name: string) => name === "foobaz.ledger-key" },
      "the app is there": { dir: "repos", isMoment: (name: string) => name === "foobaz.git" },
      "it is opened": { dir: "apps" },
    };
    for (const [name, moment] of Object.entries(moments)) {
      const result = await killAt(platform, moment, () => platform.exec("git", ["heroku", "restore", file]));
      await platform.start();
      const isThere = (await filesIn(platform, "repos")).length > 0;
      assert.equal(await filesIn(platform, "repos"), isThere ? ["foobaz.git"] : [], name);
      const keys = isThere ? ["foobaz.keys", "foobaz.ledger-key", "ledger.key"] : ["ledger.key"];
      assert.equal(await filesIn(platform, "keys"), keys, name);
      if (result.status === 0) assert.ok(isThere, name);
      if (!isThere) await must(platform, platform.dir, "heroku", "restore", file);
      assert.is(await checkConverged(platform, "foobaz"), 3, name);
      await must(platform, platform.dir, "heroku", "destroy", "--app", "foobaz", "--confirm", "foobaz");
    }
  });
}, 300_000);
