/** What only Heroku's clients ask for: features, collaborators, single things by name or id, and what is not here. */
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { describe } from "../support/suite.ts";
import { deploy, NED } from "../platform/lab.ts";
import { openApi } from "./lab.ts";

const APP = "/apps/foobaz";

describe("what Heroku's clients ask for", (test) => {
  test("features are the settings that are switches; an app has its owner alone at first", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const features = (await lab.ask("GET", `${APP}/features`)).body as { name: string; enabled: boolean }[];
    const names = new Set(features.map(({ name }) => name));
    assert.ok(names.has("preboot") && names.has("daily-restart") && !names.has("boot-timeout"));
    const preboot = await lab.ask("GET", `${APP}/features/preboot`);
    assert.equal(
      preboot.body,
      features.find(({ name }) => name === "preboot"),
    );
    const changed = await lab.ask("PATCH", `${APP}/features/preboot`, { enabled: false });
    assert.equal(changed.body, { ...preboot.body, enabled: false });
    assert.is((await lab.ask("GET", `${APP}/settings`)).body.preboot, "off");
    for (const body of [{}, { enabled: "yes" }]) {
      assert.is((await lab.ask("PATCH", `${APP}/features/preboot`, body)).status, 422);
    }
    const none = await lab.ask("PATCH", `${APP}/features/boot-timeout`, { enabled: true });
    assert.equal([none.status, none.body.resource], [404, "feature"]);

    const [owner] = (await lab.ask("GET", `${APP}/collaborators`)).body;
    assert.equal([owner.user.email, owner.role], ["ned@foobazco.com", "owner"]);
    for (const name of [owner.id, owner.user.id, "ned@foobazco.com"]) {
      assert.equal((await lab.ask("GET", `${APP}/collaborators/${String(name)}`)).body, owner);
      assert.is((await lab.ask("DELETE", `${APP}/collaborators/${String(name)}`)).status, 403);
    }
    assert.is((await lab.ask("DELETE", `${APP}/collaborators/kate@foobazco.com`)).status, 404);
  });

  test("single things, by name and by id", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app, { Procfile: "clock: exec sleep 600\nrelease: true\nworker: exec sleep 600\n" });
    await lab.ask("PATCH", `${APP}/formation/clock`, { quantity: 0 });
    const worker = await lab.ask("PATCH", `${APP}/formation/worker`, { quantity: "+1", size: "basic" });
    assert.equal([worker.status, worker.body.quantity, worker.body.size], [200, 1, "Basic"]);
    assert.equal((await lab.ask("GET", `${APP}/formation/worker`)).body, worker.body);
    // A size alone changes nothing.
    const sized = await lab.ask("PATCH", `${APP}/formation`, { updates: [{ type: "worker", size: "Basic" }] });
    assert.equal(sized.body, [worker.body]);
    for (const [type, body, status] of [
      ["worker", { size: "standard-2x" }, 422],
      ["worker", {}, 422],
      ["nosuch", { quantity: 1 }, 404],
      ["nosuch", { size: "basic" }, 404],
    ] as const) {
      assert.is((await lab.ask("PATCH", `${APP}/formation/${type}`, body)).status, status, JSON.stringify(body));
    }
    await app.formation.settled();
    const [dyno] = (await lab.ask("GET", `${APP}/dynos`)).body;
    for (const name of [dyno.id, "worker.1"]) {
      assert.equal((await lab.ask("GET", `${APP}/dynos/${String(name)}`)).body, dyno);
    }
    assert.is((await lab.ask("GET", `${APP}/dynos/worker.2`)).body.resource, "dyno");

    await lab.ask("POST", `${APP}/domains`, { hostname: "www.example.com" });
    for (const domain of (await lab.ask("GET", `${APP}/domains`, undefined, { range: "id ..; max=1000;" })).body) {
      for (const name of [domain.id, domain.hostname]) {
        assert.equal((await lab.ask("GET", `${APP}/domains/${String(name)}`)).body, domain);
      }
    }
    assert.is((await lab.ask("GET", `${APP}/domains/www.example.org`)).body.resource, "domain");
    const drain = (await lab.ask("POST", `${APP}/log-drains`, { url: "https://ned:s3cret@127.0.0.1:1/in" })).body;
    for (const name of [drain.id, drain.token, encodeURIComponent(drain.url)]) {
      assert.equal((await lab.ask("GET", `${APP}/log-drains/${String(name)}`)).body, drain);
    }
    assert.is((await lab.ask("GET", `${APP}/log-drains/d.none`)).status, 404);

    const stack = (await lab.ask("PATCH", APP, { build_stack: "host" })).body.build_stack;
    assert.is(stack.name, "host");
    for (const body of [{ build_stack: "heroku-24" }, {}, { maintenance: "on" }]) {
      assert.is((await lab.ask("PATCH", APP, body)).status, 422);
    }
    assert.equal((await lab.ask("POST", "/filters/apps", { in: { id: [app.id, "nosuch"] } })).body, [
      (await lab.ask("GET", APP)).body,
    ]);
    assert.equal((await lab.ask("POST", "/filters/apps", { in: { id: [] } })).body, []);
  });

  test("of what is not here lists are empty, and all else says why", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const ofApps = ["addons", "addon-attachments", "sni-endpoints", "telemetry-drains"];
    const ofAll = ["addons", "addon-attachments", "addon-services"];
    for (const path of [...ofApps.map((name) => `${APP}/${name}`), ...ofAll.map((name) => `/${name}`)]) {
      const listed = await lab.ask("GET", path);
      assert.equal([listed.status, listed.body], [200, []], path);
      const made = await lab.ask("POST", path, { plan: "memcache:5mb" });
      assert.equal([made.status, made.body.id], [422, "invalid_params"], path);
      assert.ok(made.body.hint.length > 10, path);
      for (const method of ["GET", "PATCH", "DELETE"] as const) {
        const one = await lab.ask(method, `${path}/memcache`);
        assert.equal([one.status, one.body.id], [404, "not_found"], `${method} ${path}`);
        assert.type(one.body.resource, "string");
      }
    }
    const found: [method: "GET" | "POST", path: string, resource: string][] = [
      ["POST", "/actions/addons/resolve", "add_on"],
      ["POST", "/actions/addon-attachments/resolve", "addon_attachment"],
      ["GET", "/addon-services/redis/plans", "addon_service"],
      ["GET", "/apps/nosuch/addons", "app"],
    ];
    for (const [method, path, resource] of found) {
      const { status, body } = await lab.ask(method, path);
      assert.equal([status, body.id, body.resource], [404, "not_found", resource], path);
    }
    const nowhere = await lab.ask("GET", `${APP}/review-app-config`);
    assert.equal([nowhere.status, nowhere.body.id], [404, "not_found"]);
  });
});
