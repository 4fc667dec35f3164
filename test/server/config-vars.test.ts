/** The API of config vars beyond reading and setting them: a new key, and changes made from an older release. */
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { describe } from "../support/suite.ts";
import { NED } from "../platform/lab.ts";
import { openApi } from "./lab.ts";

const ROTATE = "/apps/foobaz/config-vars/actions/rotate-key";

describe("config vars by the API", (test) => {
  test("rotate-key answers with the release, and shows no key", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await lab.ask("PATCH", "/apps/foobaz/config-vars", { A: "1" });
    const { status, headers, body } = await lab.ask("POST", ROTATE, undefined);
    assert.is(status, 201);
    assert.is(headers["git-heroku-release"], "3");
    assert.equal([body.version, body.description, body.user.email], [3, "Config rotate key", "kate@foobazco.com"]);
    for (const key of app.cipher.keys.privateKeys) assert.not.match(JSON.stringify(body), key);
    assert.equal((await lab.ask("GET", "/apps/foobaz/releases/2/config-vars")).body, { A: "1" });
    assert.is((await lab.ask("POST", ROTATE.replace("foobaz", "nosuch"), undefined)).status, 404);
  });

  test("a change names the release that was read", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const change = (body: unknown, since: string): ReturnType<typeof lab.ask> =>
      lab.ask("PATCH", "/apps/foobaz/config-vars", body, { "git-heroku-since": since });
    assert.is((await change({ A: "1" }, "1")).headers["git-heroku-release"], "2");
    const late = await change({ A: "secret" }, "v1");
    assert.equal([late.status, late.body.id], [409, "conflict"]);
    assert.is(late.body.message, "Somebody else has changed A meanwhile.");
    assert.is((await change({ B: "1" }, "1")).headers["git-heroku-release"], "3");
    for (const [since, status] of [
      ["soon", 422],
      ["0", 422],
      ["99", 404],
    ] as const) {
      assert.is((await change({ A: "2" }, since)).status, status, since);
    }
    assert.equal((await lab.ask("GET", "/apps/foobaz/config-vars")).body, { A: "1", B: "1" });
  });
});
