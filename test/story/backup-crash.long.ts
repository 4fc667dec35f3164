/** kill -9 of the daemon while it makes or restores a backup: there is no half file, no half app, and no key without
 *  its app. */
import { randomBytes } from "node:crypto";
import { readdir, readlink, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import * as assert from "uvu/assert";
import { untilSame } from "../support/converged.ts";
import { cloneFixture, must } from "../support/deploy.ts";
import { killAt } from "../support/kill-at.ts";
import { borrowPlatform, processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { killDuringRestore } from "./kill-lab.ts";

const LARGE_BYTES = 6 * 1024 * 1024;

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
  const common = test.shared(startPlatform);

  test("while a backup is made or sent, there is no file and nothing left in the home", async (t) => {
    const platform = await borrowPlatform(t, common);
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
      "it is sent": { dir: relative(platform.home, platform.dir), isMoment: hasBytes },
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
    const [source, platform] = [await borrowPlatform(t, common), await startPlatform(t)];
    await killDuringRestore(source, platform, ["the keys are announced", "the key is there", "the app is there"]);
  });
}, 300_000);
