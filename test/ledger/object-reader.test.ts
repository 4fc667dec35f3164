/** What is known of a ref without asking git, whoever changes it and wherever git keeps it. */
import * as assert from "uvu/assert";
import { openRepository } from "../../src/ledger/git-process.ts";
import { ObjectReader } from "../../src/ledger/object-reader.ts";
import { describe } from "../support/suite.ts";
import { makeCode, makeFixture, NED } from "./fixture.ts";

const REF = "refs/heroku/here";

describe("object reader", (test) => {
  test("knows without git where a ref is as long as it stays, and never longer", async (t) => {
    const fixture = await makeFixture(t);
    const reader = new ObjectReader(openRepository(fixture.repo, NED));
    t.after(() => reader.close());
    const [first, second] = [await makeCode(fixture, { a: "1" }), await makeCode(fixture, { a: "2" })];
    const steps: [what: string, git: string[], now: string | undefined][] = [
      ["it is made", ["update-ref", REF, first.oid], first.oid],
      ["it is packed", ["pack-refs", "--all"], first.oid],
      ["it gets a file beside that", ["update-ref", REF, second.oid], second.oid],
      ["it is packed again", ["pack-refs", "--all"], second.oid],
      ["another one is packed", ["update-ref", "refs/heroku/other", first.oid], second.oid],
      ["that one is packed too", ["pack-refs", "--all"], second.oid],
      ["it is removed", ["update-ref", "-d", REF], undefined],
      ["it is made anew", ["update-ref", REF, first.oid], first.oid],
    ];
    let before: string | undefined;
    for (const [what, git, now] of steps) {
      assert.is(await reader.ref(REF), before);
      assert.ok(reader.isStillAt(REF, before), `before ${what}`);
      await fixture.git(...git);
      if (now !== before) assert.not.ok(reader.isStillAt(REF, before), what);
      assert.is(await reader.ref(REF), now, what);
      assert.ok(reader.isStillAt(REF, now), what);
      assert.not.ok(reader.isStillAt(REF, now === undefined ? first.oid : undefined), what);
      before = now;
    }
  });

  test("knows nothing of a ref that it was not asked for, nor when it is closed", async (t) => {
    const fixture = await makeFixture(t);
    const reader = new ObjectReader(openRepository(fixture.repo, NED));
    assert.not.ok(reader.isStillAt(REF, undefined));
    assert.is(await reader.ref(REF), undefined);
    assert.ok(reader.isStillAt(REF, undefined));
    await reader.close();
    assert.not.ok(reader.isStillAt(REF, undefined));
  });
});
