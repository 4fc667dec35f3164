/** Webhooks: what is told to whom, what becomes of it, and where it must not go. */
import { createHmac } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import type { App } from "../../src/platform/app.ts";
import { rotateConfigKey } from "../../src/platform/rotate-config-key.ts";
import { HttpReceiver } from "../drains/receiver.ts";
import { deploy, logText, NED } from "../platform/lab.ts";
import { poll } from "../support/poll.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { openApi, type ApiAnswer, type ApiLab } from "./lab.ts";

const WEBHOOKS = "/apps/foobaz/webhooks";
const NETWORKS = ["127.0.0.0/8"];
const ALL = ["api:build", "api:formation", "api:release", "dyno"];

type Body = ApiAnswer["body"];

async function setUp(t: TestContext): Promise<{ lab: ApiLab; app: App; receiver: HttpReceiver; url: string }> {
  const lab = await openApi(t, { networks: NETWORKS });
  const app = await createApp(lab.platform, "foobaz", NED);
  const receiver = await HttpReceiver.open(t);
  return { lab, app, receiver, url: `http://ned:s3cret@127.0.0.1:${String(receiver.port)}/hook?key=s3cret` };
}

function bodies({ accepted }: HttpReceiver, resource: string): Body[] {
  const all = accepted.map(({ body }) => JSON.parse(body.toString()));
  return all.filter((one) => one.resource === resource);
}

async function add(lab: ApiLab, order: object): Promise<ApiAnswer> {
  const added = await lab.ask("POST", WEBHOOKS, { include: ALL, level: "sync", ...order });
  assert.is(added.status, 201, JSON.stringify(added.body));
  return added;
}

async function deliveries(lab: ApiLab, isEnough: (all: Body[]) => boolean): Promise<Body[]> {
  return poll(async () => {
    const all = (await lab.ask("GET", "/apps/foobaz/webhook-deliveries")).body as Body[];
    return isEnough(all) ? all : undefined;
  });
}

/** The newest of a webhook. */
function of(all: Body[], { id }: Body): Body {
  return all.find(({ webhook }) => webhook.id === id);
}

describe("webhooks", (test) => {
  test("tell of releases, builds, scaling and processes, signed, as the API has them", async (t) => {
    const { lab, app, receiver, url } = await setUp(t);
    const { body: hook, headers } = await add(lab, { url, authorization: "Bearer x" });
    const secret = String(headers["heroku-webhook-secret"]);
    assert.match(secret, /^[0-9a-f]{64}$/);
    assert.match(hook.url, /^http:\/\/\*{4}:\*{4}@127\.0\.0\.1:\d+\/hook\?key=\*{4}$/);
    const version = await deploy(lab, app);
    await lab.ask("PATCH", "/apps/foobaz/formation", { updates: [{ type: "worker", quantity: 1 }] });
    await receiver.until(() => bodies(receiver, "dyno").some(({ data }) => data.state === "up"));
    await receiver.until(() => bodies(receiver, "build").length === 2 && bodies(receiver, "release").length === 1);

    for (const { body, headers: got } of receiver.accepted) {
      assert.is(got["heroku-webhook-hmac-sha256"], createHmac("sha256", secret).update(body).digest("base64"));
      assert.equal([got["authorization"], got["content-type"]], ["Bearer x", "application/json"]);
    }
    const [release] = bodies(receiver, "release");
    assert.equal([release.action, release.data.version, release.actor.email], ["create", version, NED.by.email]);
    const { output_stream_url: _link, ...data } = release.data;
    const { output_stream_url: _other, ...listed } = (await lab.ask("GET", `/apps/foobaz/releases/${String(version)}`))
      .body;
    assert.equal(data, listed);
    const builds = bodies(receiver, "build").map(({ action, data: { status }, previous_data: before }) => [
      action,
      status,
      before,
    ]);
    assert.equal(builds, [
      ["create", "pending", {}],
      ["update", "succeeded", { status: "pending" }],
    ]);
    const [scaled] = bodies(receiver, "formation");
    assert.equal(
      [scaled.data.type, scaled.data.quantity, scaled.previous_data, scaled.actor.email],
      ["worker", 1, { quantity: 0 }, "kate@foobazco.com"],
    );
    const dyno = bodies(receiver, "dyno").find((one) => one.data.state === "up");
    assert.equal([dyno.data.name, dyno.previous_data], ["worker.1", { state: "starting" }]);
    assert.equal(release.webhook_metadata.webhook, { id: hook.id });

    const all = await deliveries(lab, (found) => found.every(({ status }) => status === "succeeded"));
    assert.is(all.length, receiver.accepted.length);
    const one = await lab.ask("GET", `/apps/foobaz/webhook-deliveries/${String(all[0].id).slice(0, 8)}`);
    assert.equal([one.body.last_attempt.code, one.body.num_attempts], [200, 1]);
    const event = (await lab.ask("GET", `/apps/foobaz/webhook-events/${String(all[0].event.id)}`)).body;
    assert.equal([event.include, event.payload.resource], [all[0].event.include, event.include.replace(/^api:/, "")]);

    // No secret is anywhere but in the ledger, encrypted, which a new key can read as well.
    await rotateConfigKey(lab.platform, app, NED);
    await lab.ask("PATCH", "/apps/foobaz/config-vars", { A: "1" });
    await receiver.until(() =>
      bodies(receiver, "release").some(({ data: { description } }) => description === "Config add A"),
    );
    const files = await readdir(join(app.dir, "webhooks"));
    const texts = await Promise.all(files.map((file) => readFile(join(app.dir, "webhooks", file), "utf8")));
    const state = await lab.git(lab.home.repo(app.name), "show", "refs/heroku/state:webhooks.json");
    for (const text of [...texts, state, await logText(app)]) assert.not.match(text, "s3cret");
    assert.match(
      await logText(app),
      /Add webhook http:\/\/\*{4}:\*{4}@127\.0\.0\.1:\d+\/hook\?key=\*{4} by kate@foobazco\.com/,
    );
  });

  test("sync is tried until it is taken, also by the next daemon; notify once; a removed one no more", async (t) => {
    const { lab, receiver, url } = await setUp(t);
    receiver.answers = [500];
    await lab.ask("PATCH", "/apps/foobaz/settings", { "webhook-retry": "100ms" });
    await deploy(lab, lab.platform.app("foobaz"));
    const include = ["api:formation"];
    const [sync, notify, removed] = [
      (await add(lab, { url, include })).body,
      (await add(lab, { url: `${url}1`, include, level: "notify" })).body,
      (await add(lab, { url: `${url}2`, include })).body,
    ];
    await lab.ask("PATCH", "/apps/foobaz/formation", { updates: [{ type: "worker", quantity: 1 }] });
    const failing = await deliveries(
      lab,
      (all) =>
        of(all, sync)?.num_attempts > 2 && of(all, notify)?.status === "failed" && of(all, removed)?.num_attempts > 0,
    );
    const { last_attempt: last, status } = of(failing, sync);
    assert.equal([status, last.code, last.error_class], ["retrying", 500, "it answers with status 500"]);
    assert.equal([of(failing, notify).num_attempts, of(failing, notify).next_attempt_at], [1, null]);
    assert.is((await lab.ask("DELETE", `${WEBHOOKS}/${String(removed.id).slice(0, 8)}`)).status, 200);
    await deliveries(lab, (all) => of(all, removed).status === "failed");
    await lab.close();

    receiver.answers = [200];
    const again = await openApi(t, { root: lab.home.root, networks: NETWORKS });
    const taken = await deliveries(again, (all) => of(all, sync).status === "succeeded");
    assert.equal([of(taken, notify).status, of(taken, removed).status], ["failed", "failed"]);
    assert.equal(
      bodies(receiver, "formation").map((body) => body.webhook_metadata.webhook.id),
      [sync.id],
    );
    const moved = await again.ask("PATCH", `${WEBHOOKS}/${String(sync.id)}`, { include: ["dyno"], secret: "mine" });
    assert.equal(
      [moved.body.include, moved.body.level, moved.headers["heroku-webhook-secret"]],
      [["dyno"], "sync", "mine"],
    );
    const begun = receiver.posts.length;
    await again.ask("DELETE", "/apps/foobaz/dynos");
    await receiver.until(() => receiver.posts.length > begun);
    const { body, headers } = receiver.posts.at(begun) ?? receiver.posts[0]!;
    assert.is(headers["heroku-webhook-hmac-sha256"], createHmac("sha256", "mine").update(body).digest("base64"));
  });

  test("what a daemon knew and could not tell, the next one tells, under the same id", async (t) => {
    const { lab, app, receiver, url } = await setUp(t);
    await add(lab, { url });
    const file = join(app.dir, "webhooks", "told.json");
    const told = async (): Promise<Body> => JSON.parse(await readFile(file, "utf8").catch(() => "{}"));
    assert.equal(await told(), { builds: [], dynos: {}, formation: {}, release: 1 });
    const version = await deploy(lab, app);
    await lab.ask("PATCH", "/apps/foobaz/formation", { updates: [{ type: "worker", quantity: 1 }] });
    await poll(async () => ((await told()).dynos["worker.1"] === "up" ? true : undefined));
    const [release, build] = [bodies(receiver, "release")[0], bodies(receiver, "build")[1]];
    await lab.close({ apps: false });
    assert.equal(await told(), { builds: [], dynos: { "worker.1": "up" }, formation: { worker: 1 }, release: version });
    // As a daemon leaves it that is killed before it tells.
    const left = { builds: [build.data.id], dynos: { "worker.1": "starting" }, formation: {}, release: version - 1 };
    await writeFile(file, JSON.stringify(left));
    const before = receiver.accepted.length;

    const again = await openApi(t, { root: lab.home.root, networks: NETWORKS });
    await receiver.until(() => receiver.accepted.length === before + 4);
    const news = receiver.accepted.slice(before).map(({ body }) => JSON.parse(body.toString()));
    const of = (resource: string): Body => news.find((one) => one.resource === resource);
    assert.equal([of("release").id, of("release").data.version], [release.id, version]);
    assert.equal([of("build").id, of("build").data.status], [build.id, "succeeded"]);
    const { data, previous_data: quantity, actor } = of("formation");
    assert.equal(
      [data.type, data.quantity, quantity, actor.email],
      ["worker", 1, { quantity: 0 }, "kate@foobazco.com"],
    );
    assert.equal([of("dyno").data.state, of("dyno").previous_data], ["up", { state: "starting" }]);

    // What nobody wants to know of is not gathered.
    const [hook] = (await again.ask("GET", WEBHOOKS)).body;
    await again.ask("PATCH", `${WEBHOOKS}/${String(hook.id)}`, { include: ["api:release"] });
    assert.equal(await told(), { release: version });
  });

  test("go to no address of the platform's own, whatever its name is, and are refused when they are malformed", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const order = { url: "https://foobazco.com/hook", include: ["dyno"], level: "notify" };
    const bad: object[] = [
      { url: "http://127.0.0.1:5001/apps" },
      { url: "http://[::ffff:127.0.0.1]/" },
      { url: "http://169.254.169.254/latest/meta-data" },
      { url: "http://0x7f000001/" },
      { url: "file:///etc/passwd" },
      { include: ["api:addon"] },
      { include: [] },
      { level: "often" },
      { secret: "two\nlines" },
      { authorization: "Bearer x\r\nHost: other" },
    ];
    for (const change of bad) {
      const { status, body } = await lab.ask("POST", WEBHOOKS, { ...order, ...change });
      assert.is(status, 422, JSON.stringify([change, body]));
    }
    assert.equal((await lab.ask("GET", WEBHOOKS)).body, []);
    assert.is((await lab.ask("GET", `${WEBHOOKS}/nosuch`)).body.resource, "webhook");

    const inside = await HttpReceiver.open(t);
    await add(lab, { url: `http://localhost:${String(inside.port)}/`, include: ["api:release"] });
    await deploy(lab, app);
    const [refused] = await deliveries(lab, (all) => all[0]?.status === "failed");
    assert.equal(
      [refused.num_attempts, refused.last_attempt.code, refused.last_attempt.error_class],
      [1, null, "its address is not one that webhooks may be sent to"],
    );
    assert.is(inside.posts.length, 0);
    for (let n = 1; n < 10; n += 1) await add(lab, { url: `https://foobazco.com/${String(n)}`, include: ["dyno"] });
    assert.is((await lab.ask("POST", WEBHOOKS, order)).status, 422, "ten are enough");
  });
});
