/** The generator of long ledgers makes what the product would have made. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { ConfigCipher } from "../../src/ledger/config-cipher.ts";
import { growLedger, type LedgerPlace } from "../support/long-ledger.ts";
import { describe } from "../support/suite.ts";
import { deploy, makeCode, makeFixture, setConfig, type Fixture } from "./fixture.ts";

const LENGTH = 300;

function place(fixture: Fixture): LedgerPlace {
  return { repoPath: fixture.repo, signingKey: fixture.key, appKeys: fixture.appKeys };
}

describe("long ledger", (test) => {
  test("is read by the product, accepted by git, and goes on", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.close();
    await growLedger(place(fixture), LENGTH);
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

  test("what is current is found behind any number of failed releases, and known from then on", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { "index.js": "1" });
    await deploy(fixture, code);
    await setConfig(fixture.ledger, "x");
    await fixture.ledger.close();
    await growLedger(place(fixture), LENGTH, "failed");
    const ledger = await fixture.reopen();
    assert.is((await ledger.head())?.version, LENGTH);
    assert.is((await ledger.current())?.version, 3);
    assert.is(await setConfig(ledger, "y"), LENGTH + 1);
    assert.is((await ledger.current())?.version, LENGTH + 1);
    await deploy(fixture, code, { status: "failed", deployRef: undefined }, ledger);
    assert.is((await ledger.current())?.version, LENGTH + 1);
    await fixture.git("update-ref", "-d", "refs/heads/main");
    await ledger.close();
    assert.is(await (await fixture.reopen()).ref("refs/heads/main"), code.oid);
  });

  test("an index that lags is extended, any other that does not agree is made anew", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.close();
    await growLedger(place(fixture), 30);
    const { indexPath } = fixture.options;
    await (await fixture.reopen()).close();
    const whole = await readFile(indexPath);
    assert.is(whole.length, 600);
    const other = Buffer.concat([whole.subarray(0, 480), randomBytes(20)]);
    const cases = {
      lagging: whole.subarray(0, 580),
      torn: whole.subarray(0, 511),
      "too long": Buffer.alloc(700, whole),
    };
    for (const [name, bytes] of Object.entries({ ...cases, other, empty: Buffer.alloc(0), zeros: Buffer.alloc(600) })) {
      await writeFile(indexPath, bytes);
      const ledger = await fixture.reopen();
      assert.equal(await readFile(indexPath), whole, name);
      await writeFile(indexPath, bytes);
      assert.is((await ledger.get(17)).version, 17, name);
      assert.is((await ledger.find(whole.toString("hex", 400, 410)))?.version, 21, name);
      assert.is(await ledger.find(whole.toString("hex", 395, 405)), undefined, name);
      await ledger.close();
    }
  });
});
