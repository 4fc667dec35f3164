/** refs/notes/releases: what it says, that it catches up whatever was missed, and that nobody else can spoil it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { deploy, makeCode, makeFixture, rollBack, setConfig, type Fixture } from "./fixture.ts";

const AT = "2026-11-23T07:30:55Z";

const note = (fixture: Fixture, oid: string): Promise<string> => fixture.git("notes", "--ref=releases", "show", oid);
const revisions = async (fixture: Fixture): Promise<number> =>
  Number(await fixture.git("rev-list", "--count", "refs/notes/releases"));

describe("release notes", (test) => {
  test("each deployed commit has a line for each release of it, oldest first", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const first = await makeCode(fixture, { a: "1" });
    await deploy(fixture, first);
    await setConfig(ledger, "1");
    const second = await makeCode(fixture, { a: "2" });
    await deploy(fixture, second);
    await ledger.notes.catchUp();
    await rollBack(ledger, 2);
    await ledger.notes.catchUp();
    await rollBack(ledger, 4, "failed");
    await rollBack(ledger, 4);
    await ledger.notes.catchUp();
    assert.is(
      await note(fixture, first.oid),
      `v2 deploy by ned@foobazco.com ${AT}\nv5 rollback by ned@foobazco.com ${AT}\n`,
      "no config change among them",
    );
    assert.is(
      await note(fixture, second.oid),
      `v4 deploy by ned@foobazco.com ${AT}\nv7 rollback by ned@foobazco.com ${AT}\n`,
      "no failed release either",
    );
    assert.match(await fixture.git("log", "-1", "--format=%B", "refs/notes/releases"), /^Notes up to v7\n\nUp-To: v7 /);
    await fixture.git("fsck", "--strict");
  });

  test("nothing new makes no commit; before the first deploy there is no ref", async (t) => {
    const fixture = await makeFixture(t);
    await setConfig(fixture.ledger, "1");
    await fixture.ledger.notes.catchUp();
    assert.is(await fixture.git("for-each-ref", "refs/notes"), "");
    await deploy(fixture, await makeCode(fixture, { a: "1" }));
    for (let round = 0; round < 3; round += 1) await fixture.ledger.notes.catchUp();
    await setConfig(fixture.ledger, "2");
    await fixture.ledger.notes.catchUp();
    assert.is(await revisions(fixture), 1);
  });

  test("a ref that is gone, of another ledger or of nobody's making is written anew from the ledger", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const codes: { oid: string; tree: string }[] = [];
    for (let n = 0; n < 24; n += 1) {
      const code = n % 8 === 0 || codes[0] === undefined ? await makeCode(fixture, { a: String(n) }) : codes[0];
      codes.push(code);
      await deploy(fixture, code, { deployRef: undefined });
    }
    await ledger.notes.catchUp();
    const whole = await fixture.git("notes", "--ref=releases", "list");
    const first = await note(fixture, codes[0]?.oid ?? "");
    const rewrite = async (...message: string[]): Promise<void> => {
      const oid = (await fixture.git("commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", ...message)).trim();
      await fixture.git("update-ref", "refs/notes/releases", oid);
    };
    const spoils = [
      () => fixture.git("update-ref", "-d", "refs/notes/releases"),
      () => rewrite("-m", "Mine"),
      () => rewrite("-m", "Up-To: v5 " + "a".repeat(40)),
      () => rewrite("-m", "Up-To: v99999 " + "a".repeat(40)),
    ];
    for (const spoil of spoils) {
      await spoil();
      await (await fixture.reopen()).notes.catchUp();
      assert.is(await fixture.git("notes", "--ref=releases", "list"), whole);
      assert.is(await note(fixture, codes[0]?.oid ?? ""), first);
    }
  });

  test("among so many notes that git parts them into directories, the old one is found and added to", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { a: "1" });
    await deploy(fixture, code);
    await fixture.ledger.notes.catchUp();
    const message = await fixture.git("log", "-1", "--format=%B", "refs/notes/releases");
    const oids = Array.from({ length: 400 }, (_, n) => n.toString(16).padStart(4, "0").padEnd(40, "0"));
    const blob = (await fixture.git("rev-parse", `refs/notes/releases:${code.oid}`)).trim();
    const work = join(fixture.home, "notes");
    await fixture.gitIn(fixture.home, "clone", "-q", fixture.repo, work);
    for (const oid of [...oids, code.oid]) {
      await mkdir(join(work, oid.slice(0, 2)), { recursive: true });
      await writeFile(
        join(work, oid.slice(0, 2), oid.slice(2)),
        oid === code.oid ? await fixture.git("cat-file", "blob", blob) : "x\n",
      );
    }
    await fixture.gitIn(work, "checkout", "-q", "--orphan", "notes");
    await fixture.gitIn(work, "rm", "-q", "-r", "--cached", "--ignore-unmatch", ".");
    await fixture.gitIn(work, "add", ...new Set([...oids, code.oid].map((oid) => oid.slice(0, 2))));
    await fixture.gitIn(work, "commit", "-q", "-m", message);
    await fixture.gitIn(fixture.repo, "fetch", "-q", work, "+notes:refs/notes/releases");
    await rollBack(fixture.ledger, 2);
    await fixture.ledger.notes.catchUp();
    assert.is(
      await note(fixture, code.oid),
      `v2 deploy by ned@foobazco.com ${AT}\nv3 rollback by ned@foobazco.com ${AT}\n`,
    );
    assert.is((await fixture.git("ls-tree", "-r", "--name-only", "refs/notes/releases")).split("\n").length, 402);
  });

  test("two writers at once: both come to the same, with each line once", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { a: "1" });
    const other = await fixture.reopen();
    let lines = "";
    for (let round = 2; round < 12; round += 1) {
      await deploy(fixture, code, { deployRef: undefined });
      await Promise.all([fixture.ledger.notes.catchUp(), other.notes.catchUp()]);
      lines += `v${String(round)} deploy by ned@foobazco.com ${AT}\n`;
      assert.is(await note(fixture, code.oid), lines);
    }
  });

  test("what a person wrote into a note stays, a line of its own", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { a: "1" });
    await deploy(fixture, code);
    await fixture.ledger.notes.catchUp();
    const upTo = await fixture.git("log", "-1", "--format=%B", "refs/notes/releases");
    await fixture.git("notes", "--ref=releases", "add", "-f", "-m", "mine", code.oid);
    const tree = (await fixture.git("rev-parse", "refs/notes/releases^{tree}")).trim();
    const mine = (await fixture.git("commit-tree", tree, "-m", upTo)).trim();
    await fixture.git("update-ref", "refs/notes/releases", mine);
    await rollBack(fixture.ledger, 2);
    await fixture.ledger.notes.catchUp();
    assert.is(await note(fixture, code.oid), `mine\nv3 rollback by ned@foobazco.com ${AT}\n`);
  });
});
