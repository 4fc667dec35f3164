/** rotate-key in an open app: one release, the same environment, older releases within reach; and changes that were made
 *  from an older release. */
import { readFile, writeFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { rotateConfigKey } from "../../src/platform/rotate-config-key.ts";
import { readConfig, setConfig, setConfigSince } from "../../src/platform/set-config.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { deploy, logText, NED, openLab } from "./lab.ts";

describe("rotate-key", (test) => {
  test("one release with the same values; rollback copies the older text, the next change does not", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const { release: before } = await setConfig(lab.platform, app, { SECRET: "s3cret", B: "2" }, NED);
    const release = await rotateConfigKey(lab.platform, app, NED);
    assert.equal([release.version, release.change, release.description], [4, "config", "Config rotate key"]);
    assert.equal(await readConfig(app), { B: "2", SECRET: "s3cret" });
    assert.equal(await readConfig(app, before), { B: "2", SECRET: "s3cret" });
    assert.is(app.launchedVersion, 4);
    const back = await rollback(lab.platform, app, 3, NED);
    const [copied, target] = [await app.ledger.snapshot(back), await app.ledger.get(3)];
    assert.is(copied.configEnv, (await app.ledger.snapshot(target)).configEnv);
    const { release: changed, vars } = await setConfig(lab.platform, app, { C: "3" }, NED);
    assert.equal(vars, { B: "2", C: "3", SECRET: "s3cret" });
    if (changed === undefined) throw new Error("no release");
    assert.match((await app.ledger.snapshot(changed)).configEnv, `DOTENV_PUBLIC_KEY="${app.cipher.keys.publicKey}"`);
    const keyFile = await readFile(lab.home.configKeys(app.name), "utf8");
    const shown = [await logText(app), ...lab.notes].join("\n");
    for (const key of app.cipher.keys.privateKeys) {
      assert.match(keyFile, key);
      assert.not.match(shown, key);
    }
  });

  test("rotations, changes and readers at once lose nothing", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    const reading = Promise.all(Array.from({ length: 5 }, () => readConfig(app)));
    await Promise.all([
      rotateConfigKey(lab.platform, app, NED),
      setConfig(lab.platform, app, { B: "2" }, NED),
      rotateConfigKey(lab.platform, app, NED),
      setConfig(lab.platform, app, { C: "3" }, NED),
    ]);
    for (const vars of await reading) assert.is(vars["A"], "1");
    assert.is((await app.ledger.head())?.version, 6);
    assert.is(app.cipher.keys.privateKeys.length, 3);
    assert.equal(await readConfig(app), { A: "1", B: "2", C: "3" });
  });

  test("a damaged key file is refused before anything changes", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    const path = lab.home.configKeys(app.name);
    const good = await readFile(path);
    await writeFile(path, '{"privateKeys":["s3cret"]}');
    const error = await refuses("unavailable", () => rotateConfigKey(lab.platform, app, NED));
    assert.not.match(`${error.message} ${String(error.hint)}`, "s3cret");
    assert.is((await app.ledger.head())?.version, 2);
    await writeFile(path, good);
    await rotateConfigKey(lab.platform, app, NED);
    assert.equal(await readConfig(app), { A: "1" });
  });

  test("a change made from an older release is refused only where somebody else changed the same", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const change = (change: Record<string, string | null>, since: number | undefined): ReturnType<typeof setConfig> =>
      setConfigSince(lab.platform, app, { change, since }, NED);
    await setConfig(lab.platform, app, { A: "1", B: "1", C: "1" }, NED);
    await setConfig(lab.platform, app, { A: "2", B: null, D: "1" }, NED);
    for (const [wanted, names] of [
      [{ A: "3" }, "A"],
      [{ A: null, C: "2" }, "A"],
      [{ B: "2", D: "2" }, "B, D"],
    ] as const) {
      const error = await refuses("conflict", () => change(wanted, 2));
      assert.is(error.message, `Somebody else has changed ${names} meanwhile.`);
    }
    assert.is((await app.ledger.head())?.version, 3);
    assert.equal((await change({ A: "2", B: null, C: "2", E: "1" }, 2)).vars, { A: "2", C: "2", D: "1", E: "1" });
    assert.is((await change({ A: "3" }, 4)).vars["A"], "3");
    await refuses("not_found", () => change({ A: "4" }, 99));
  });
});
