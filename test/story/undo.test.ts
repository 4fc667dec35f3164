/** Undoing one thing: the session of a person who takes releases back and marks them, what a clone sees of it, and what
 *  kill -9 leaves of it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readLedger, untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient, stopRunning } from "../support/deploy.ts";
import { killAt } from "../support/kill-at.ts";
import { borrowPlatform, startPlatform, type TestPlatform } from "../support/platform.ts";
import { commitChange } from "../support/push.ts";
import { describe } from "../support/suite.ts";
import { killDuringRevert } from "./kill-lab.ts";
import { deployTwice } from "../support/two-deploys.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

const repoOf = (platform: TestPlatform): string => join(platform.home, "repos/foobaz.git");

/** Up to which release the notes are written. */
async function notedUpTo(platform: TestPlatform): Promise<string> {
  const result = await platform.exec("git", ["log", "-1", "--format=%s", "refs/notes/releases"], {
    cwd: repoOf(platform),
  });
  return result.stdout.trim();
}

describe("undo", (test) => {
  const common = test.shared(startPlatform);

  test("revert config and code, take it over, mark and roll back", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await runTranscript(join(ROOT, "test/transcripts/undo.txt"), { cwd: clone, env: platform.env });
  });

  test("the commit of a revert is fetched by any clone, cherry-picks there, and the next push keeps it", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await stopRunning(platform, "foobaz");
    await deployTwice(platform, clone);
    const said = await must(platform, clone, "heroku", "releases:revert", "v3");
    const [, commands = ""] = /\n +(git fetch .*)$/m.exec(said) ?? [];
    const other = join(platform.dir, "other");
    await must(platform, platform.dir, "clone", "-q", "-o", "production", repoOf(platform), other);
    const taken = await platform.exec("sh", ["-c", commands], { cwd: other });
    assert.is(taken.status, 0, taken.stderr);
    await must(platform, other, "push", "-q", "production", "main");
    const repo = repoOf(platform);
    assert.is(
      await must(platform, repo, "rev-parse", "releases:code"),
      await must(platform, repo, "rev-parse", "releases~1:code"),
      "the push deploys what ran already",
    );
    assert.is(await must(platform, other, "show", "HEAD:change.txt"), "Later");
    await must(platform, clone, "heroku", "releases:verify", "--fetch");
  });

  test("git log --notes=releases in a clone says which releases deployed a commit", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    const client = platformClient(platform);
    await stopRunning(platform, "foobaz");
    await commitChange(platform, clone, "Second");
    await must(platform, clone, "push", "-q", "production", "main");
    await must(platform, clone, "heroku", "rollback", "v2");
    await client.changeConfig("foobaz", { A: "1" });
    await must(platform, clone, "heroku", "releases:revert", "v4");
    await untilSame("Notes up to v6", () => notedUpTo(platform));
    await must(platform, clone, "fetch", "-q", "production");
    const log = await must(platform, clone, "log", "--notes=releases", "--format=%s%n%N");
    const at = "2[0-9-]+T[0-9:]+Z";
    assert.match(
      log,
      new RegExp(
        [
          "^Second",
          `v3 deploy by rick@foobazco.com ${at}`,
          "",
          "First",
          `v2 deploy by rick@foobazco.com ${at}`,
          `v4 rollback by rick@foobazco.com ${at}$`,
        ].join("\n"),
      ),
    );
    // The revert made a commit of its own.
    const reverted = await must(platform, clone, "log", "-1", "--notes=releases", "production/releases^2");
    assert.match(
      reverted,
      /\n {4}Revert v4: Rollback to v2\n[^]*\nNotes \(releases\):\n {4}v6 revert by rick@foobazco.com 2/,
    );
  });

  test.long(
    "a machine whose git cannot merge says so; config and the newest deploy are reverted all the same",
    async (t) => {
      const platform = await startPlatform(t);
      const real = await must(platform, platform.dir, "--exec-path");
      const shim = `#!/bin/sh\n[ "$*" = "\${*%version}" ] || exec echo git version 2.36.1\nexec ${real}/git "$@"\n`;
      await writeFile(join(platform.env["PATH"]?.split(":")[0] ?? "", "git"), shim, { mode: 0o755 });
      const clone = await deployFixture(platform, "foobaz");
      await stopRunning(platform, "foobaz");
      await deployTwice(platform, clone);
      const { status, stderr } = await platform.exec("git", ["heroku", "releases:revert", "v3"], { cwd: clone });
      assert.is(status, 1);
      assert.match(stderr, "Code cannot be merged on the platform's machine: it has git version 2.36.1.");
      assert.match(stderr, "Merging needs git 2.38 or newer");
      await must(platform, clone, "heroku", "config:add", "A=1");
      await must(platform, clone, "heroku", "releases:revert", "v5");
      await must(platform, clone, "heroku", "releases:revert", "v4");
      assert.is((await readLedger(platform, "foobaz"))[0]?.version, 7);
    },
  );
});

/** Makes releases until the daemon is killed before it has noted the newest one, whose version this resolves with. */
async function killBeforeNote(platform: TestPlatform, clone: string): Promise<number> {
  const moment = { dir: "repos/foobaz.git/refs/heads", isMoment: (name: string) => name === "releases" };
  for (let version = 4; version < 12; version += 1) {
    await killAt(platform, moment, () => platform.exec("git", ["heroku", "rollback", "v2"], { cwd: clone }));
    if ((await notedUpTo(platform)) !== `Notes up to v${String(version)}`) return version;
    await platform.start();
  }
  throw new Error("The notes were always faster than the kill.");
}

describe("undo and kill -9", (test) => {
  const common = test.shared(startPlatform);

  test.long("during a revert it happens whole or not at all", async (t) => {
    const platform = await borrowPlatform(t, common);
    await killDuringRevert(platform, ["the release is there"]);
  });

  test("between a release and its note: the next start writes it", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await stopRunning(platform, "foobaz");
    await commitChange(platform, clone, "Second");
    await must(platform, clone, "push", "-q", "production", "main");
    const made = await killBeforeNote(platform, clone);
    await platform.start();
    await untilSame(`Notes up to v${String(made)}`, () => notedUpTo(platform));
    // And a stop does not wait for its moment.
    await must(platform, clone, "heroku", "rollback", "v3");
    await must(platform, clone, "heroku", "server:stop");
    assert.is(await notedUpTo(platform), `Notes up to v${String(made + 1)}`);
    await platform.start();
  });
});
