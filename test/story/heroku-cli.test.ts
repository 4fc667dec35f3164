/** Heroku's own command line against a real platform: one command, when it is in the cache already. `heroku-cli.long.ts`
 *  has the others. */
import * as assert from "uvu/assert";
import { must } from "../support/deploy.ts";
import { findHeroku, openHeroku } from "../support/heroku-cli.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";

const { script = "", missing } = await findHeroku();

describe("heroku's own client", (test) => {
  test.needing(missing, "lists the releases of the app that heroku-env points it at", async (t) => {
    const platform = await startPlatform(t);
    await must(platform, platform.dir, "init", "-q", "-b", "main");
    await must(platform, platform.dir, "heroku", "create", "foobaz");
    await must(platform, platform.dir, "heroku", "config:add", "FOO=baz");
    const heroku = await openHeroku(t, script, { platform, cwd: platform.dir });
    const { status, stdout, stderr } = await heroku.run("releases");
    assert.equal([status, stderr], [0, ""]);
    assert.match(stdout, /^=== foobaz Releases - Current: v2\n/);
    assert.ok(heroku.proxy.checked.has("GET /apps/:app/releases"));
    assert.match(stdout, /v2 +Config add FOO +rick@foobazco\.com/);
    await must(platform, platform.dir, "heroku", "tokens:revoke", await onlyToken());
    const refused = await heroku.run("releases");
    assert.is(refused.status, 1);

    async function onlyToken(): Promise<string> {
      const tokens = JSON.parse(await must(platform, platform.dir, "heroku", "tokens", "--json")) as { id: string }[];
      assert.is(tokens.length, 1);
      return tokens[0]?.id ?? "";
    }
  });
});
