/** Backups and restores as the API has them: no key leaves in plain, and what is asked wrongly makes nothing. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import * as assert from "uvu/assert";
import { parseBackupKeys } from "../../src/core/backup.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { createAppKeys } from "../../src/ledger/app-keys.ts";
import { readBackupStart } from "../../src/cli/backup-tar.ts";
import { ByteReader } from "../../src/cli/byte-reader.ts";
import { deploy, logText, NED, spoilProcfile } from "../platform/lab.ts";
import { describe } from "../support/suite.ts";
import { openApi, type ApiLab } from "./lab.ts";

const KEYS = { config: { privateKeys: ["11".repeat(32)] } };

/** The last line says what came of it. */
async function restore(lab: ApiLab, body: object): Promise<{ error?: { id: string; message: string } }> {
  const answer = await lab.ask("POST", "/restores", body);
  assert.is(answer.status, 200);
  const lines = String(answer.body).trim().split("\n");
  return JSON.parse(lines.at(-1) ?? "") as { error?: { id: string; message: string } };
}

describe("backups", (test) => {
  test("the keys are for the recipient alone, the rest is the app", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const identity = await generateX25519Identity();
    const answer = await lab.server.inject({
      method: "POST",
      url: "/apps/foobaz/backups",
      headers: { "git-heroku-user": "Kate Bush <kate@foobazco.com>" },
      payload: { recipient: await identityToRecipient(identity) },
    });
    assert.is(answer.statusCode, 200);
    assert.is(answer.headers["content-type"], "application/x-tar");
    assert.is(Number(answer.headers["content-length"]), answer.rawPayload.length);
    assert.is(answer.rawPayload.length % 512, 0);
    const start = await readBackupStart(
      new ByteReader(
        (async function* () {
          yield answer.rawPayload;
        })(),
      ),
    );
    assert.is(start.facts.head, (await app.ledger.head())?.oid);
    assert.is(start.facts.id, app.id);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const keys = parseBackupKeys(await decrypter.decrypt(start.keys.data, "text"), "keys");
    const keyFile = await readFile(lab.home.configKeys(app.name), "utf8");
    assert.equal(keys.config, JSON.parse(keyFile));
    assert.is(keys.ledger, await readFile(lab.home.signingKey, "utf8"));
    const [secret = ""] = keys.config["privateKeys"] as string[];
    const pem = (keys.ledger ?? "").split("\n")[1] ?? "";
    const sent = answer.rawPayload.toString("latin1");
    for (const text of [secret, Buffer.from(secret, "hex").toString("latin1"), pem]) assert.not.ok(sent.includes(text));
    assert.match(await logText(app), "Backup of v1 by kate@foobazco.com");
    assert.equal(await readdir(lab.home.repos), ["foobaz.git"]);
  });

  test("what is no recipient, no app or no order is refused", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const asked: [string, unknown, number, string][] = [
      ["/apps/foobaz/backups", { recipient: "hunter2" }, 422, "is not an age recipient"],
      ["/apps/foobaz/backups", {}, 422, "recipient"],
      ["/apps/foobaz/backups", { recipient: 1 }, 422, "recipient"],
      ["/apps/nosuch/backups", { recipient: "age1" }, 404, "find that app"],
      ["/restores", { name: "x", path: "relative", keys: KEYS }, 422, "path"],
      ["/restores", { name: "x", path: "/tmp" }, 422, "keys"],
      ["/restores", { name: "x", path: "/tmp", keys: KEYS, bundle: { offset: -1, bytes: 1 } }, 422, "offset"],
    ];
    for (const [path, body, status, words] of asked) {
      const answer = await lab.ask("POST", path, body);
      assert.is(answer.status, status, path);
      assert.match(answer.body.message, words);
    }
    const order = { name: "restored", path: lab.home.repo("foobaz" as never), keys: KEYS };
    const refused: [object, string, string][] = [
      [{ ...order, name: "Foo" }, "invalid_params", "not a valid app name"],
      [{ ...order, name: "foobaz" }, "conflict", "There is an app foobaz already."],
      [{ ...order, path: "/nonexistent" }, "not_found", "cannot be read"],
      [{ ...order, path: lab.home.serverFile }, "not_found", "cannot be read"],
      [{ ...order, path: lab.home.signingKey }, "invalid_params", "no git bundle"],
      [{ ...order, path: lab.home.root }, "invalid_params", "no bare git repository"],
      [order, "invalid_params", "These keys do not open"],
      [{ ...order, keys: { config: { privateKeys: ["x"] } } }, "unavailable", "key file cannot be read"],
      [{ ...order, head: { version: 1, oid: "0".repeat(40) } }, "invalid_params", "its ledger ends with v1"],
    ];
    for (const [body, id, words] of refused) {
      const { error } = await restore(lab, body);
      assert.is(error?.id, id, JSON.stringify(error));
      assert.match(error?.message ?? "", words);
    }
    assert.equal(await readdir(lab.home.repos), ["foobaz.git"]);
    assert.equal((await readdir(lab.home.keys)).sort(), ["foobaz.keys", "ledger.key"]);
  });

  test("a ledger that somebody wrote into is refused, with the release that tells", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const mirror = join(await t.tempDir(), "foobaz.git");
    await lab.git(lab.home.root, "clone", "-q", "--mirror", lab.home.repo(app.name), mirror);
    const config = JSON.parse(await readFile(lab.home.configKeys(app.name), "utf8")) as object;
    await spoilProcfile(mirror);
    const { error } = await restore(lab, { name: "forged", path: mirror, keys: { config } });
    assert.is(error?.id, "invalid_params");
    assert.match(error?.message ?? "", "The ledger was tampered with or is damaged: v3: ");
    assert.equal(await readdir(lab.home.repos), ["foobaz.git"]);
    assert.equal((await readdir(lab.home.keys)).sort(), ["foobaz.keys", "ledger.key"]);
  });

  test("keys that are in the way stay, and nothing is restored", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const keyFile = lab.home.configKeys(app.name);
    const config = JSON.parse(await readFile(keyFile, "utf8")) as object;
    const there = join(lab.home.keys, "other.keys");
    await createAppKeys(there);
    const before = await readFile(there, "utf8");
    const { error } = await restore(lab, { name: "other", path: lab.home.repo(app.name), keys: { config } });
    assert.is(error?.id, "conflict");
    assert.match(error?.message ?? "", "There is another key already");
    assert.is(await readFile(there, "utf8"), before);
    const done = await restore(lab, { name: "twin", path: lab.home.repo(app.name), keys: { config } });
    assert.equal(done, { restored: { name: "twin", version: 1, ledger_key_known: true } });
    assert.is(lab.platform.app("twin").id, app.id);
  });
});
