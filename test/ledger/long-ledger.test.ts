/** The generator of long ledgers makes what the product would have made. */
import * as assert from "uvu/assert";
import { ConfigCipher } from "../../src/ledger/config-cipher.ts";
import { growLedger } from "../support/long-ledger.ts";
import { describe } from "../support/suite.ts";
import { makeFixture, setConfig } from "./fixture.ts";

const LENGTH = 300;

describe("long ledger", (test) => {
  test("is read by the product, accepted by git, and goes on", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.close();
    await growLedger({ repoPath: fixture.repo, signingKey: fixture.key, appKeys: fixture.appKeys }, LENGTH);
    const ledger = await fixture.reopen();
    const head = await ledger.head();
    assert.is(head?.version, LENGTH);
    const all = await ledger.list({ max: LENGTH });
    assert.equal(
      all.map(({ version }) => version),
      all.map((_, index) => LENGTH - index),
    );
    const deploys = all.filter(({ change }) => change === "deploy").length;
    assert.ok(Math.abs(deploys - LENGTH / 3) < 3, String(deploys));
    const vars = await new ConfigCipher(fixture.appKeys).read((await ledger.snapshot(await ledger.get(77))).configEnv);
    assert.equal(Object.keys(vars), ["FIRST", "SECOND"]);
    assert.is((await ledger.get(77)).version, 77);
    assert.is(await setConfig(ledger, "x"), LENGTH + 1);
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
  });
});
