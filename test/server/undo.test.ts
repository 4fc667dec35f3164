/** Reverts and marks over the API: what is answered, and what is refused. */
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { setConfig } from "../../src/platform/set-config.ts";
import { deploy, NED } from "../platform/lab.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { openApi, type ApiLab } from "./lab.ts";

async function withReleases(t: TestContext): Promise<ApiLab> {
  const lab = await openApi(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  await deploy(lab, app);
  await setConfig(lab.platform, app, { A: "s3cret-1" }, NED);
  await setConfig(lab.platform, app, { B: "2" }, NED);
  return lab;
}

describe("api of undo", (test) => {
  test("a revert is a release with what it changed, its author from the header", async (t) => {
    const { ask } = await withReleases(t);
    const plan = await ask("POST", "/apps/foobaz/releases/v3/actions/revert", { dry_run: true });
    const changes = {
      config: { added: [], changed: [], removed: ["A"] },
      addons: { added: [], changed: [], removed: [] },
      files: [],
    };
    assert.equal([plan.status, plan.body, plan.headers["git-heroku-release"]], [200, { changes }, undefined]);
    const made = await ask("POST", "/apps/foobaz/releases/3/actions/revert");
    assert.equal([made.status, made.headers["git-heroku-release"]], [201, "5"]);
    const { version, change, description, user, current, mark, changes: did } = made.body;
    assert.equal(
      [version, change, description, user.email, current, mark, did],
      [5, "revert", "Revert v3", "kate@foobazco.com", true, null, changes],
    );
    const again = await ask("POST", "/apps/foobaz/releases/3/actions/revert", {});
    assert.equal([again.status, Object.keys(again.body)], [200, ["changes"]]);
    const byId = await ask("POST", `/apps/foobaz/releases/${made.body.id}/actions/revert`);
    assert.equal([byId.status, byId.body.version, byId.body.description], [201, 6, "Revert v5"]);
    assert.equal((await ask("GET", "/apps/foobaz/config-vars")).body, { A: "s3cret-1", B: "2" });
  });

  test("a conflict is a 409 with names and no values", async (t) => {
    const { ask } = await withReleases(t);
    await ask("PATCH", "/apps/foobaz/config-vars", { A: "s3cret-2" });
    const { status, body } = await ask("POST", "/apps/foobaz/releases/3/actions/revert");
    assert.equal([status, body.id], [409, "conflict"]);
    assert.match(body.message, "\n  config var A");
    assert.not.match(JSON.stringify(body), "s3cret");
  });

  test("marks are in every release resource, and in the answer of the rollback that they turned", async (t) => {
    const { ask } = await withReleases(t);
    const marked = await ask("PATCH", "/apps/foobaz/releases/v3", { bad: "500s" });
    const { version, reason, by } = marked.body.mark;
    assert.equal([marked.status, version, reason, by], [200, 3, "500s", "kate@foobazco.com"]);
    const marks = (await ask("GET", "/apps/foobaz/marks")).body;
    assert.equal(marks, [marked.body.mark]);
    const listed = (await ask("GET", "/apps/foobaz/releases")).body as { mark: unknown }[];
    assert.equal(
      listed.map(({ mark }) => mark),
      [null, null, marked.body.mark, null],
    );
    const back = await ask("POST", "/apps/foobaz/releases", {});
    assert.equal([back.body.description, back.body.skipped, back.body.target_mark], ["Rollback to v2", marks, null]);
    const named = await ask("POST", "/apps/foobaz/releases", { release: "3" });
    assert.equal(
      [named.body.description, named.body.skipped, named.body.target_mark],
      ["Rollback to v3", [], marks[0]],
    );
    assert.is((await ask("PATCH", "/apps/foobaz/releases/v3", { bad: null })).body.mark, null);
    assert.is((await ask("PATCH", "/apps/foobaz/releases/v3", { bad: null })).status, 404);
  });

  test("what cannot be meant is refused, and nothing is changed", async (t) => {
    const { ask } = await withReleases(t);
    const statuses = [
      await ask("POST", "/apps/foobaz/releases/99/actions/revert"),
      await ask("POST", "/apps/nope/releases/3/actions/revert"),
      await ask("POST", "/apps/foobaz/releases/x/actions/revert"),
      await ask("POST", "/apps/foobaz/releases/1/actions/revert"),
      await ask("POST", "/apps/foobaz/releases/3/actions/revert", { dry_run: "yes" }),
      await ask("POST", "/apps/foobaz/releases/3/actions/revert", "{"),
      await ask("PATCH", "/apps/foobaz/releases/3", {}),
      await ask("PATCH", "/apps/foobaz/releases/3", { bad: 5 }),
      await ask("PATCH", "/apps/foobaz/releases/3", { bad: " " }),
      await ask("PATCH", "/apps/foobaz/releases/99", { bad: "x" }),
      await ask("GET", "/apps/nope/marks"),
    ].map(({ status }) => status);
    assert.equal(statuses, [404, 404, 404, 422, 422, 400, 422, 422, 422, 404, 404]);
    assert.is((await ask("GET", "/apps/foobaz/releases/current")).body.version, 4);
    assert.equal((await ask("GET", "/apps/foobaz/marks")).body, []);
  });
});
