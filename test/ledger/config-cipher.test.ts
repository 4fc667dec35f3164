/** config.env: what is encrypted comes back, what is not touched stays, and keys are files of one's own. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "dotenv";
import * as assert from "uvu/assert";
import { createAppKeys, loadAppKeys } from "../../src/ledger/app-keys.ts";
import { ConfigCipher, emptyConfigEnv } from "../../src/ledger/config-cipher.ts";
import { compareConfigLines } from "../../src/ledger/config-lines.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";

async function makeKeys(t: TestContext) {
  const path = join(await t.tempDir(), "foobaz.keys");
  return { path, keys: await createAppKeys(path) };
}

describe("config cipher", (test) => {
  test("values of every kind come back as they were", async (t) => {
    const { keys } = await makeKeys(t);
    const vars = {
      A: "",
      B: "plain",
      C: 'it\'s "quoted" `so` $HOME $(echo pwned) \\n #no comment',
      D: "line\nline\r\nline\u2028end ",
      E: "žluťoučký 🐎",
      constructor: "of all things",
    };
    const text = await new ConfigCipher(keys).change(emptyConfigEnv(keys.publicKey), vars);
    assert.equal(await new ConfigCipher(keys).read(text), vars);
    const [first, ...lines] = text.trimEnd().split("\n");
    assert.is(first, `DOTENV_PUBLIC_KEY="${keys.publicKey}"`);
    for (const line of lines) assert.match(line, /^[A-Za-z]+='encrypted:[A-Za-z0-9+/=]+'$/);
    assert.is(Object.keys(parse(text)).length, 7);
  });

  test("values are compared, not lines: a new key changes none", async (t) => {
    const [older, newer] = [(await makeKeys(t)).keys, (await makeKeys(t)).keys];
    const both = { publicKey: newer.publicKey, privateKeys: [...newer.privateKeys, ...older.privateKeys] };
    const vars = { SAME: "1", CHANGED: "abc", LONGER: "1", GONE: "x" };
    const before = await new ConfigCipher(older).change(emptyConfigEnv(older.publicKey), vars);
    const after = await new ConfigCipher(newer).change(emptyConfigEnv(newer.publicKey), {
      SAME: "1",
      CHANGED: "abd",
      LONGER: "1234",
      NEW: "",
    });
    assert.equal(await compareConfigLines(new ConfigCipher(both), before, after), {
      added: ["NEW"],
      changed: ["CHANGED", "LONGER"],
      removed: ["GONE"],
    });
    const same = await new ConfigCipher(newer).change(emptyConfigEnv(newer.publicKey), vars);
    assert.equal(await compareConfigLines(new ConfigCipher(both), before, same), {
      added: [],
      changed: [],
      removed: [],
    });
    // Plain text beside ciphertext of the same value, as a ledger made by hand may have it.
    assert.equal((await compareConfigLines(new ConfigCipher(both), before, "SAME='1'\n")).changed, []);
    const refusal = await refuses("unavailable", () => compareConfigLines(new ConfigCipher(newer), before, same));
    assert.match(refusal.message, /^The value of (SAME|CHANGED) /);
    // Equal lines need no key, and neither do lines of different length.
    assert.equal((await compareConfigLines(new ConfigCipher(newer), before, before)).changed, []);
  });

  test("a change touches its own lines and no others", async (t) => {
    const { keys } = await makeKeys(t);
    const cipher = new ConfigCipher(keys);
    const before = await cipher.change(emptyConfigEnv(keys.publicKey), { B: "2", A: "1", C: "3" });
    const after = await new ConfigCipher(keys).change(before, { A: "1", B: "new", C: null, D: "4" });
    const [key, a, b, d] = after.split("\n");
    assert.equal([key, a], before.split("\n").slice(0, 2));
    assert.is.not(b, before.split("\n")[2]);
    assert.match(String(d), /^D=/);
    assert.equal(await cipher.read(after), { A: "1", B: "new", D: "4" });
    assert.is(await cipher.change(after, { A: "1" }), after);
  });

  test("refuses names and values that no release can hold", async (t) => {
    const { keys } = await makeKeys(t);
    const cipher = new ConfigCipher(keys);
    const empty = emptyConfigEnv(keys.publicKey);
    for (const change of [{ "A B": "x" }, { DOTENV_PUBLIC_KEY: "x" }, { A: "encrypted:x" }, { A: "a\0b" }]) {
      await refuses("invalid_params", () => cipher.change(empty, change));
    }
  });

  test("another app's keys do not open it, and the error shows no value", async (t) => {
    const [mine, other] = [await makeKeys(t), await makeKeys(t)];
    const text = await new ConfigCipher(mine.keys).change(emptyConfigEnv(mine.keys.publicKey), { SECRET: "hush" });
    const error = await refuses("unavailable", () => new ConfigCipher(other.keys).read(text));
    assert.is(error.message, "The value of SECRET cannot be decrypted with the keys of this app.");
    assert.is(error.cause, undefined);
  });

  test("an older key still opens what it closed", async (t) => {
    const [old, now] = [await makeKeys(t), await makeKeys(t)];
    const text = await new ConfigCipher(old.keys).change(emptyConfigEnv(old.keys.publicKey), { A: "1" });
    const both = { ...now.keys, privateKeys: [...now.keys.privateKeys, ...old.keys.privateKeys] };
    assert.equal(await new ConfigCipher(both).read(text), { A: "1" });
  });

  test("key files are the owner's only, and are never overwritten", async (t) => {
    const { path, keys } = await makeKeys(t);
    assert.is((await stat(path)).mode & 0o777, 0o600);
    assert.equal(await createAppKeys(path), keys);
    assert.equal(await loadAppKeys(path), keys);
    const ledgerKey = join(await t.tempDir(), "ledger.key");
    const [one, two] = await Promise.all([openLedgerKey(ledgerKey), openLedgerKey(ledgerKey)]);
    assert.is(one.publicKey, two.publicKey);
    assert.is((await stat(ledgerKey)).mode & 0o777, 0o600);
    assert.match(await readFile(ledgerKey, "utf8"), /^-----BEGIN PRIVATE KEY-----/);
  });

  test("a missing or damaged key file is said without its content", async (t) => {
    const { path } = await makeKeys(t);
    for (const text of ["", "{", '{"privateKeys":[]}', '{"privateKeys":["secret"]}', "null"]) {
      await writeFile(path, text);
      const error = await refuses("unavailable", () => loadAppKeys(path));
      assert.is(error.message, "The app's key file cannot be read.");
    }
    await refuses("unavailable", () => loadAppKeys(`${path}.none`));
  });
});
