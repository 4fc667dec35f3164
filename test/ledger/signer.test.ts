/** The ledger's key when an app moves: every commit is verified by git itself, and a crash at any step of the hand-over
 *  leads to the same end. */
import { spawnSync } from "node:child_process";
import { access, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Ledger } from "../../src/ledger/ledger.ts";
import { allowedSignersLine, openLedgerKey, parseLedgerKey, type LedgerKey } from "../../src/ledger/ledger-key.ts";
import { refuses, rejects } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { makeFixture, NED, setConfig, type Fixture } from "./fixture.ts";

const sshKeygen = spawnSync("ssh-keygen", ["-?"]).error === undefined ? undefined : "ssh-keygen";

interface Move {
  fixture: Fixture;
  /** Of the platform that the app was moved to. */
  newKey: LedgerKey;
  handedOver: string;
  open(): Promise<Ledger>;
}

/** A ledger at v2 that another platform has now; `handedOver` holds the key of the old one. */
async function move(t: TestContext): Promise<Move> {
  const fixture = await makeFixture(t);
  await setConfig(fixture.ledger, "one");
  await fixture.ledger.close();
  const newKey = await openLedgerKey(join(fixture.home, "new.key"));
  const handedOver = join(fixture.home, "foobaz.ledger-key");
  await writeFile(handedOver, await readFile(join(fixture.home, "ledger.key")));
  return {
    fixture,
    newKey,
    handedOver,
    async open() {
      const ledger = await Ledger.open({ ...fixture.options, signingKey: newKey, handedOverKeyPath: handedOver });
      t.after(() => ledger.close());
      return ledger;
    },
  };
}

/** Which of the keys git says has signed the commit. */
async function signerOf({ fixture, newKey }: Move, commit: string): Promise<string> {
  for (const [name, key] of [["old", fixture.key] as const, ["new", newKey] as const]) {
    const signers = join(fixture.home, `signers-${name}`);
    await writeFile(signers, allowedSignersLine("platform@git-heroku", key.publicKey));
    const verified = fixture.git("-c", `gpg.ssh.allowedSignersFile=${signers}`, "verify-commit", commit);
    if (
      await verified.then(
        () => true,
        () => false,
      )
    )
      return name;
  }
  return "nobody";
}

async function announced({ fixture }: Move, commit: string): Promise<string> {
  return (await fixture.git("log", "-1", "--format=%(trailers:key=Ledger-Key,valueonly,separator=)", commit)).trim();
}

async function scale(ledger: Ledger, quantity: number): Promise<void> {
  await ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: quantity } }));
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

describe("signer", (test) => {
  test.needing(sshKeygen, "the old key signs until a release has announced the new one", async (t) => {
    const moved = await move(t);
    const ledger = await moved.open();
    await scale(ledger, 2);
    assert.is(await signerOf(moved, "refs/heroku/state"), "old");
    assert.is(await setConfig(ledger, "two"), 3);
    assert.is(await signerOf(moved, "releases"), "old");
    assert.is(await announced(moved, "releases"), moved.newKey.publicKey);
    assert.not.ok(await isThere(moved.handedOver));
    await scale(ledger, 3);
    assert.is(await setConfig(ledger, "three"), 4);
    for (const commit of ["refs/heroku/state", "releases"]) assert.is(await signerOf(moved, commit), "new");
    assert.is(await announced(moved, "releases"), "");
    const both = [moved.fixture.key, moved.newKey].map((key) =>
      allowedSignersLine("platform@git-heroku", key.publicKey),
    );
    const signers = join(moved.fixture.home, "both");
    await writeFile(signers, both.join(""));
    for (const commit of ["releases", "releases~1", "releases~2", "releases~3", "refs/heroku/state~1"]) {
      await moved.fixture.git("-c", `gpg.ssh.allowedSignersFile=${signers}`, "verify-commit", commit);
    }
    assert.is((await ledger.get(3)).ledgerKey, moved.newKey.publicKey);
    await ledger.close();
    assert.is(await setConfig(await moved.open(), "four"), 5);
    assert.is(await announced(moved, "releases"), "");
  });

  test.needing(sshKeygen, "killed before the old key is removed, the next start removes it", async (t) => {
    const moved = await move(t);
    const pem = await readFile(moved.handedOver);
    const ledger = await moved.open();
    await setConfig(ledger, "two");
    await ledger.close();
    await writeFile(moved.handedOver, pem);
    const again = await moved.open();
    assert.not.ok(await isThere(moved.handedOver));
    await setConfig(again, "three");
    assert.is(await signerOf(moved, "releases"), "new");
    assert.is(await announced(moved, "releases"), "");
  });

  test.needing(sshKeygen, "restarts before the next release change nothing", async (t) => {
    const moved = await move(t);
    for (let n = 1; n < 4; n += 1) {
      const ledger = await moved.open();
      await scale(ledger, n);
      await ledger.close();
      assert.is(await signerOf(moved, "refs/heroku/state"), "old");
      assert.ok(await isThere(moved.handedOver));
    }
  });

  test.needing(sshKeygen, "without the old key the release is signed by the key that it announces", async (t) => {
    for (const isAbsent of [true, false]) {
      const moved = await move(t);
      await rm(moved.handedOver);
      // A stranger's key helps no more than none.
      if (!isAbsent) await openLedgerKey(moved.handedOver);
      const ledger = await moved.open();
      await scale(ledger, 2);
      await setConfig(ledger, "two");
      for (const commit of ["refs/heroku/state", "releases"]) assert.is(await signerOf(moved, commit), "new");
      assert.is(await announced(moved, "releases"), moved.newKey.publicKey);
      await setConfig(ledger, "three");
      assert.is(await announced(moved, "releases"), "");
    }
  });

  test.needing(sshKeygen, "moved on twice, and back: each platform's key is announced by the one before", async (t) => {
    const moved = await move(t);
    const first = await moved.open();
    await setConfig(first, "two");
    await first.close();
    const back = join(moved.fixture.home, "back.ledger-key");
    await writeFile(back, await readFile(join(moved.fixture.home, "new.key")));
    const old = await Ledger.open({ ...moved.fixture.options, handedOverKeyPath: back });
    t.after(() => old.close());
    await setConfig(old, "three");
    assert.is(await signerOf(moved, "releases"), "new");
    assert.is(await announced(moved, "releases"), moved.fixture.key.publicKey);
    await setConfig(old, "four");
    assert.is(await signerOf(moved, "releases"), "old");
  });

  test("a file that is no key is refused, and nothing of it is told", async (t) => {
    const error = await refuses("invalid_params", () => parseLedgerKey("hunter2"));
    assert.not.match(error.message, "hunter2");
    const moved = await move(t);
    await writeFile(moved.handedOver, "-----BEGIN PRIVATE KEY-----\nhunter2\n");
    assert.not.match(String(await rejects(moved.open())), "hunter2");
  });
});
