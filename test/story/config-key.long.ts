/** The key of config vars from outside: the real dotenvx opens every release with one key, before and after a rotation,
 *  and kill -9 in the middle of one loses nothing. */
import { readdir } from "node:fs/promises";
import * as assert from "uvu/assert";
import { deployFixture, must, platformClient, stopRunning } from "../support/deploy.ts";
import { readWithDotenvx } from "../support/dotenvx.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { killDuringRotation } from "./kill-lab.ts";

const VARS = {
  PLAIN: "baz",
  EMPTY: "",
  COMMANDS: "$(touch pwned) `touch pwned` ${HOME} $HOME \\$HOME",
  QUOTES: `it's "so" \`x\` # no comment`,
  LINES: "one\ntwo\r\nthree\\n",
  WIDE: "žluťoučký 🐎\u2028end ",
};

describe("dotenvx", (test) => {
  test("reads every release with the key of its first line", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await stopRunning(platform, "foobaz");
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
});

describe("kill -9 during rotate-key", (test) => {
  test("when its key is there: values, older releases and the next change are whole", async (t) => {
    const platform = await startPlatform(t);
    await killDuringRotation(platform, ["the key is there"]);
  });
});
