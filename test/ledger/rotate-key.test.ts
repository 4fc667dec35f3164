/** A new key for config vars: what is written afterwards is for that key alone, and older texts stay readable. */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { decrypt } from "@dotenvx/primitives";
import { parse } from "dotenv";
import * as assert from "uvu/assert";
import { addAppKey, createAppKeys, loadAppKeys, type AppKeys } from "../../src/ledger/app-keys.ts";
import { ConfigCipher, emptyConfigEnv } from "../../src/ledger/config-cipher.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";

interface Scene {
  path: string;
  cipher: ConfigCipher;
  /** Two values for the first key. */
  text: string;
}

async function setUp(t: TestContext): Promise<Scene> {
  const path = join(await t.tempDir(), "foobaz.keys");
  const keys = await createAppKeys(path);
  const cipher = new ConfigCipher(keys);
  return { path, cipher, text: await cipher.change(emptyConfigEnv(keys.publicKey), { A: "1", B: "two" }) };
}

/** By one key alone, as dotenvx does. */
function openWith(privateKey: string | undefined, text: string): Record<string, string> {
  const { DOTENV_PUBLIC_KEY, ...values } = parse(text);
  assert.ok(DOTENV_PUBLIC_KEY);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decrypt(privateKey ?? "", value)]));
}

describe("a new config key", (test) => {
  test("stands first in the file, with all there were behind it, and is the owner's only", async (t) => {
    const { path, cipher } = await setUp(t);
    const second = await addAppKey(path, cipher.keys);
    const third = await addAppKey(path, second);
    assert.equal(third.privateKeys.slice(1), second.privateKeys);
    assert.equal(second.privateKeys.slice(1), cipher.keys.privateKeys);
    assert.equal(await loadAppKeys(path), third);
    assert.is((await stat(path)).mode & 0o777, 0o600);
  });

  test("loses no key, neither of the file nor of the daemon", async (t) => {
    const { path, cipher } = await setUp(t);
    const [mine] = cipher.keys.privateKeys;
    const other = await createAppKeys(`${path}.other`);
    await writeFile(path, await readFile(`${path}.other`));
    const { privateKeys } = await addAppKey(path, cipher.keys);
    assert.equal(privateKeys.slice(1), [...other.privateKeys, mine]);
  });

  test("is not made when the file is gone or damaged", async (t) => {
    const { path, cipher } = await setUp(t);
    await writeFile(path, "{}");
    await refuses("unavailable", () => addAppKey(path, cipher.keys));
    assert.is(await readFile(path, "utf8"), "{}");
    await rm(path);
    await refuses("unavailable", () => addAppKey(path, cipher.keys));
    await refuses("unavailable", () => loadAppKeys(path));
  });

  test("closes all lines again; the older key opens the older text", async (t) => {
    const { path, cipher, text } = await setUp(t);
    const [old] = cipher.keys.privateKeys;
    cipher.useKeys(await addAppKey(path, cipher.keys));
    const rotated = await cipher.change(text, {});
    assert.match(rotated, `DOTENV_PUBLIC_KEY="${cipher.keys.publicKey}"\n`);
    assert.equal(openWith(cipher.keys.privateKeys[0], rotated), { A: "1", B: "two" });
    assert.equal(openWith(old, text), { A: "1", B: "two" });
    assert.is(await cipher.change(rotated, {}), rotated, "once is enough");
    assert.equal(await new ConfigCipher(await loadAppKeys(path)).read(text), { A: "1", B: "two" });
  });

  test("closes a text that a rollback brought back, whatever is changed in it", async (t) => {
    const { path, cipher, text } = await setUp(t);
    cipher.useKeys(await addAppKey(path, cipher.keys));
    for (const [change, expected] of [
      [{ C: "3" }, { A: "1", B: "two", C: "3" }],
      [{ A: null }, { B: "two" }],
    ] as const) {
      const changed = await cipher.change(text, change);
      assert.equal(openWith(cipher.keys.privateKeys[0], changed), expected);
    }
  });

  test("closes lines of another key and plain ones that stand under its own name", async (t) => {
    const { path, cipher, text } = await setUp(t);
    const keys: AppKeys = await addAppKey(path, cipher.keys);
    const mixed = text.replace(/^.*\n/, emptyConfigEnv(keys.publicKey)) + "C='plain'\n";
    cipher.useKeys(keys);
    const changed = await cipher.change(mixed, { D: "4" });
    assert.equal(openWith(keys.privateKeys[0], changed), { A: "1", B: "two", C: "plain", D: "4" });
  });

  test("lets other work go on between two values", async (t) => {
    const { path, cipher, text } = await setUp(t);
    const many = await cipher.change(
      text,
      Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`N${String(n)}`, "x"])),
    );
    const fresh = new ConfigCipher(await addAppKey(path, cipher.keys));
    let turns = 0;
    const ended = new AbortController();
    const counting = (async () => {
      for (; !ended.signal.aborted; turns += 1) await turn();
    })();
    await fresh.change(many, {});
    ended.abort();
    await counting;
    // Each of the 12 values is decrypted and encrypted.
    assert.ok(turns >= 24, String(turns));
  });
});
