/** Drains of an app: what is kept of them, and who gets to see what. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { destroyApp } from "../../src/platform/destroy-app.ts";
import { addDrain, listDrains, removeDrain } from "../../src/platform/drains.ts";
import { rotateConfigKey } from "../../src/platform/rotate-config-key.ts";
import { HttpReceiver } from "../drains/receiver.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { logText, NED, openLab } from "./lab.ts";

describe("drains", (test) => {
  test("go on under a new key and in the next daemon, and their secrets are told to nobody", async (t) => {
    const [lab, receiver] = [await openLab(t), await HttpReceiver.open(t)];
    const app = await createApp(lab.platform, "foobaz", NED);
    const url = `http://ned:s3cret@127.0.0.1:${String(receiver.port)}/in?key=s3cret`;
    const drain = await addDrain(app, url, NED);
    const masked = `http://****:****@127.0.0.1:${String(receiver.port)}/in?key=****`;
    assert.is(drain.url, masked);
    assert.match(drain.token, /^d\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    await receiver.got(`Add drain ${masked} by ned@foobazco.com`);
    assert.is(receiver.posts[0]?.headers.authorization, `Basic ${Buffer.from("ned:s3cret").toString("base64")}`);
    await changeSettings(lab.platform, app, { "log-drain-retry": "1s" }, NED);
    await rotateConfigKey(lab.platform, app, NED);
    const repo = lab.home.repo(app.name);
    const states = (await lab.git(repo, "log", "--format=%s", "refs/heroku/state")).split("\n");
    assert.equal(states, ["Encrypt drains with the new key", "Set log-drain-retry=1s", `Add drain ${masked}`]);
    const everything = await lab.git(repo, "log", "-p", "--format=%B", "refs/heroku/state");
    assert.not.match(`${everything}${await logText(app)}${lab.notes.join("\n")}`, "s3cret");
    await lab.close();

    const again = await openLab(t, { root: lab.home.root });
    const found = again.platform.app("foobaz");
    found.log("api", "in the next daemon");
    await receiver.got("in the next daemon");
    assert.equal(
      (await listDrains(found)).map(({ token, url: shown }) => [token, shown]),
      [[drain.token, masked]],
    );
    const stored = (await logText(found))
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    const from = stored.findIndex((msg) => msg.startsWith("Add drain"));
    await receiver.got(stored.at(-1) ?? "");
    assert.equal(
      receiver.messages.slice(0, stored.length - from),
      stored.slice(from),
      "nothing twice, nothing missing",
    );
    await destroyApp(again.platform, found, NED);
    await receiver.got("Destroy app");
  });

  test("are refused where they cannot be, and removed by whatever names them", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const urls = [1, 2, 3, 4, 5].map((n) => `https://a:${String(n)}@127.0.0.1:${String(n)}/`);
    const drains = [];
    for (const url of urls) drains.push(await addDrain(app, url, NED));
    await refuses("invalid_params", () => addDrain(app, "https://127.0.0.1:6/", NED));
    await refuses("invalid_params", () => addDrain(app, "ftp://127.0.0.1/", NED));
    assert.is((await listDrains(app)).length, 5);
    await refuses("not_found", () => removeDrain(app, "d.1", NED));
    const names = [drains[0]?.token, drains[1]?.id, urls[2], "https://****:****@127.0.0.1:4/"];
    for (const name of names) await removeDrain(app, name ?? "", NED);
    assert.equal(await listDrains(app).then((left) => left.map(({ id }) => id)), [drains[4]?.id]);
    const error = await refuses("invalid_params", () => addDrain(app, urls[4] ?? "", NED));
    assert.match(error.message, "https://****:****@127.0.0.1:5/ is a drain of this app already.");
    await addDrain(app, "https://b:5@127.0.0.1:5/", NED);
    await refuses("invalid_params", () => removeDrain(app, "https://****:****@127.0.0.1:5/", NED));
    assert.match(await logText(app), `Remove drain https://****:****@127.0.0.1:1/ by ned@foobazco.com`);
    const files = await readdir(join(lab.home.app(app.name), "drains"));
    assert.is(files.length, 2);
    assert.is((await app.ledger.head())?.version, 1);
  });
});
