/** What an app is built with, over the API, as Heroku's own clients ask for it. */
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { NED } from "../platform/lab.ts";
import { describe } from "../support/suite.ts";
import { openApi } from "./lab.ts";

describe("api of buildpacks", (test) => {
  test("the whole list is read and written at once", async (t) => {
    const { ask, platform } = await openApi(t);
    await createApp(platform, "foobaz", NED);
    const path = "/apps/foobaz/buildpack-installations";
    assert.equal((await ask("GET", path)).body, []);
    const url = "https://github.com/heroku/heroku-buildpack-php#v255";
    const updates = [{ buildpack: "urn:buildpack:heroku/nodejs" }, { buildpack: url }];
    const expected = ["nodejs", url].map((name, ordinal) => ({ buildpack: { name, url: name }, ordinal }));
    const set = await ask("PUT", path, { updates }, { range: "" });
    assert.equal([set.status, set.body], [200, expected]);
    assert.equal((await ask("GET", path)).body, expected);
    const refused = await ask("PUT", path, { updates: [{ buildpack: "nonsense" }] });
    assert.equal([refused.status, refused.body.id], [422, "invalid_params"]);
    assert.is((await ask("PUT", path, { updates: [{}] })).status, 422);
    assert.equal((await ask("GET", path)).body, expected);
    assert.equal((await ask("PUT", path, { updates: [] })).body, []);
  });
});
