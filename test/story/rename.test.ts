/** An app gets another name: clones, addresses and processes go on. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkConverged, readLedger } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { getUntil } from "../support/http.ts";
import { startLoad } from "../support/load.ts";
import { killAt } from "../support/kill-at.ts";
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { commitChange } from "../support/push.ts";
import { describe } from "../support/suite.ts";

function isNote(name: string): boolean {
  return name === ".renaming-barfoo";
}

describe("rename", (test) => {
  const common = test.shared(startPlatform);

  test("the clone follows, another one pushes on by the old path, and a kill is mended", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const client = platformClient(platform);
    const [web] = await client.dynos("foobaz");
    const repo = (name: string): string => join(platform.home, "repos", `${name}.git`);
    const old = join(platform.dir, "old");
    await must(platform, platform.dir, "clone", "-q", "-o", "production", repo("foobaz"), old);

    const said = await must(platform, clone, "heroku", "rename", "barfoo");
    const address = `http://barfoo.localhost:${String(platform.routerPort)}/ | ${repo("barfoo")}`;
    assert.is(said, `Renaming foobaz to barfoo... done\n${address}\nGit remote production updated`);
    assert.is(await must(platform, clone, "remote", "get-url", "production"), repo("barfoo"));
    assert.equal(
      (await client.dynos("foobaz")).map(({ id }) => id),
      [web?.id],
    );
    for (const name of ["foobaz", "barfoo"]) await getUntil(platform.routerPort, name, "at v2");
    assert.equal([(await client.app("foobaz")).name, (await client.apps()).length], ["barfoo", 1]);

    await commitChange(platform, old, "by the old path");
    await must(platform, old, "push", "-q", "production", "main");
    for (const name of ["foobaz", "barfoo"]) await getUntil(platform.routerPort, name, "at v3");
    assert.is(await checkConverged(platform, "barfoo"), 3);
    assert.match(
      await must(platform, old, "heroku", "logs", "-n", "1000"),
      "Rename app from foobaz to barfoo by rick@",
    );
    const taken = await platform.exec("git", ["heroku", "create", "foobaz", "--remote", "other"], { cwd: clone });
    assert.is(taken.status, 1);
    assert.match(taken.stderr, "It leads to barfoo, which had it before");

    const load = startLoad({ port: platform.routerPort, host: "barfoo.localhost", visitors: 1 });
    await killAt(platform, { dir: "repos", isMoment: isNote }, () =>
      platform.exec("git", ["heroku", "apps:rename", "foobaz"], { cwd: clone }),
    );
    await platform.wake();
    assert.equal((await readdir(join(platform.home, "repos"))).sort(), ["barfoo.git", "foobaz.git"]);
    assert.is((await client.app("barfoo")).name, "foobaz");
    assert.is((await readLedger(platform, "foobaz")).length, 3);
    for (const name of ["foobaz", "barfoo"]) await getUntil(platform.routerPort, name, "at v3");
    await load.stop();
    assert.equal(load.failures, []);
  });
});
