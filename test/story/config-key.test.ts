/** The key of config vars from outside: the real dotenvx opens every release with one key, before and after a rotation,
 *  and kill -9 in the middle of one loses nothing. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkConverged, readLedger } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { readKeys, readWithDotenvx } from "../support/dotenvx.ts";
import { killAt } from "../support/kill-at.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";

const VARS = {
  PLAIN: "baz",
  EMPTY: "",
  COMMANDS: "$(touch pwned) `touch pwned` ${HOME} $HOME \\$HOME",
  QUOTES: `it's "so" \`x\` # no comment`,
  LINES: "one\ntwo\r\nthree\\n",
  WIDE: "žluťoučký 🐎\u2028end ",
};
const MANY = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`N${String(n)}`, `value ${String(n)}`]));

describe("dotenvx", (test) => {
  test("reads every release with the key of its first line", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    const client = platformClient(platform);
    assert.is(await client.changeConfig("foobaz", VARS), 3);
    assert.equal(await readWithDotenvx(platform, "foobaz"), VARS);
    assert.is((await client.rotateConfigKey("foobaz")).version, 4);
    assert.equal(await readWithDotenvx(platform, "foobaz"), VARS);
    assert.equal(await readWithDotenvx(platform, "foobaz", "releases~1"), VARS);
    await must(platform, clone, "heroku", "rollback", "v3");
    assert.equal(await readWithDotenvx(platform, "foobaz"), VARS);
    await must(platform, clone, "heroku", "config:add", "MORE=1");
    assert.equal(await readWithDotenvx(platform, "foobaz"), { ...VARS, MORE: "1" });
    assert.equal(await client.config("foobaz"), { ...VARS, MORE: "1" });
    assert.equal((await readdir(platform.dir)).sort(), ["config.env", "foobaz"], "nothing was run");
  });
}, 60_000);

describe("kill -9 during rotate-key", (test) => {
  test("at each step: values, older releases and the next change are whole", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const client = platformClient(platform);
    await client.changeConfig("foobaz", MANY);
    const refs = "repos/foobaz.git/refs/heads";
    const moments = {
      "the key is being written": { dir: "keys", isMoment: (name: string) => name.startsWith("tmp_obj_") },
      "the key is there": { dir: "keys", isMoment: (name: string) => name === "foobaz.keys" },
      "the release is being made": { dir: refs, isMoment: (name: string) => name === "releases.lock" },
      "the release is there": { dir: refs, isMoment: (name: string) => name === "releases" },
      "the launch begins": { dir: "apps/foobaz/run" },
    };
    const expected: Record<string, string> = { ...MANY };
    for (const [name, moment] of Object.entries(moments)) {
      const [before, keys] = [await readLedger(platform, "foobaz"), await readKeys(platform, "foobaz")];
      const rotation = await killAt(platform, moment, () =>
        platform.exec("git", ["heroku", "config:rotate-key"], { cwd: clone }),
      );
      const now = await readKeys(platform, "foobaz");
      const grown = now.privateKeys.length - keys.privateKeys.length;
      assert.equal(now.privateKeys.slice(grown), keys.privateKeys, name);
      if (name === "the key is there")
        assert.equal([grown, (await readLedger(platform, "foobaz")).length], [1, before.length]);
      await platform.wake();
      const version = await checkConverged(platform, "foobaz");
      const keyFiles = await readdir(join(platform.home, "keys"));
      assert.equal(keyFiles.sort(), ["foobaz.keys", "ledger.key"], name);
      if (rotation.status === 0) assert.match(rotation.stdout, `done, v${String(version)}\n`);
      assert.equal(await client.config("foobaz"), expected, name);
      assert.equal(await client.releaseConfig("foobaz", 3), MANY, name);
      const next = `STEP_${String(version)}`;
      expected[next] = name;
      await client.changeConfig("foobaz", { [next]: name });
      assert.equal(await readWithDotenvx(platform, "foobaz"), expected, name);
    }
    await must(platform, clone, "heroku", "rollback", "v3");
    assert.equal(await client.config("foobaz"), MANY);
    await checkConverged(platform, "foobaz");
  });
}, 240_000);
