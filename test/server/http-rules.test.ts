/** What all answers have in common: ids, tags, versions, notices; and that a change sent twice is done once. */
import { request } from "node:http";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { setConfig } from "../../src/platform/set-config.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { deploy, NED } from "../platform/lab.ts";
import { openDoor, openSecondDoor, type DoorLab } from "./door-lab.ts";

const ID = "0f9b9c70-7a5c-4d86-9a7e-5f3b7c2f0f11";
const OTHER = "11111111-7a5c-4d86-9a7e-5f3b7c2f0f11";

async function head({ platform }: DoorLab): Promise<number> {
  return (await platform.app("foobaz").ledger.head())?.version ?? 0;
}

describe("api rules", (test) => {
  const common = test.shared(async (t: TestContext): Promise<DoorLab> => {
    const lab = await openDoor(t);
    await createApp(lab.platform, "foobaz", NED);
    await createApp(lab.platform, "other", NED);
    return lab;
  });
  const config = "/apps/foobaz/config-vars";

  test("every answer is JSON and has an id, errors too", async () => {
    const { tcp } = await common();
    const answers = [
      await tcp("GET", "/apps"),
      await tcp("GET", "/nosuch"),
      await tcp("GET", "/apps", { authorization: null }),
      await tcp("POST", "/apps", { body: [] }),
    ];
    const ids = answers.map(({ headers }) => headers["request-id"]);
    assert.is(new Set(ids).size, answers.length);
    for (const { headers, body } of answers) {
      assert.match(String(headers["request-id"]), /^[0-9a-f-]{36}$/);
      assert.match(String(headers["content-type"]), /^application\/json/);
      assert.match(String(headers["ratelimit-remaining"]), /^4[45]\d\d$/);
      assert.is(headers["x-content-type-options"], "nosniff");
      assert.is(typeof body, "object");
    }
  });

  test("version 3 and its variants; no other", async () => {
    const { tcp } = await common();
    const ask = async (accept: string): Promise<number> =>
      (await tcp("GET", "/regions", { headers: { accept } })).status;
    for (const version of ["3", "3.sdk", "3.webhooks", "3.docker-releases"])
      assert.is(await ask(`application/vnd.heroku+json; version=${version}`), 200, version);
    for (const accept of ["*/*", "application/json", "application/vnd.heroku+json", "text/html"])
      assert.is(await ask(accept), 200, accept);
    for (const version of ["2", "4", "30", "x"])
      assert.is(await ask(`application/vnd.heroku+json; version=${version}`), 406, version);
  });

  test("what has not changed is not sent again", async () => {
    const lab = await common();
    const first = await lab.tcp("GET", config);
    const etag = String(first.headers["etag"]);
    const ask = (known: string): ReturnType<typeof lab.tcp> =>
      lab.tcp("GET", config, { headers: { "if-none-match": known } });
    for (const known of [etag, `"x", W/${etag}`]) {
      const { status, body, headers } = await ask(known);
      assert.equal([status, body, headers["etag"]], [304, "", etag], known);
    }
    assert.is((await ask('"x"')).status, 200);
    await lab.tcp("PATCH", config, { body: { CHANGED: "1" } });
    assert.is((await ask(etag)).status, 200);
  });

  test("a list is cut where the Range header says so", async () => {
    const { tcp } = await common();
    const names = ({ body }: Awaited<ReturnType<typeof tcp>>): string =>
      body.map(({ name }: { name: string }) => name).join();
    const first = await tcp("GET", "/apps", { headers: { range: "name ..; order=desc,max=1;" } });
    assert.equal([first.status, names(first), first.headers["content-range"]], [206, "other", "name other..other"]);
    const rest = await tcp("GET", "/apps", { headers: { range: String(first.headers["next-range"]) } });
    assert.equal([rest.status, names(rest), rest.headers["next-range"]], [200, "foobaz", undefined]);
    for (const range of ["", "id ..; max=1000;", "name .."])
      assert.is((await tcp("GET", "/users/~/apps", { headers: { range } })).body.length, 2);
    assert.is((await tcp("GET", "/teams", { headers: { range: "version ..; max=1" } })).status, 200);
    assert.is((await tcp("GET", "/apps", { headers: { range: "nosuch .." } })).status, 416);
  });

  test("a change with the same Request-Id is done once, and answered alike", async () => {
    const lab = await common();
    const before = await head(lab);
    const send = (ids: string, body: object, path = config): ReturnType<typeof lab.tcp> =>
      lab.tcp("PATCH", path, { body, headers: { "request-id": ids } });
    const first = await send(`${ID},${OTHER}`, { A: "1" });
    const second = await send(ID, { A: "2" });
    assert.equal([second.status, second.body], [200, first.body]);
    assert.is(second.headers["git-heroku-release"], first.headers["git-heroku-release"]);
    assert.is(await head(lab), before + 1);
    await send(OTHER, { A: "2" });
    await send(OTHER, { A: "3" }, `${config}?other=path`);
    for (const value of ["4", "5"]) await send("no-uuid", { A: value });
    assert.is(await head(lab), before + 5);
    const other = await lab.platform.tokens.create({
      owner: NED.by,
      isAdmin: true,
      description: "",
      lifetimeMs: undefined,
    });
    const theirs = { body: { A: "6" }, headers: { "request-id": ID }, authorization: `Bearer ${other.token}` };
    await lab.tcp("PATCH", config, theirs);
    assert.is(await head(lab), before + 6);
  });

  test("also while the first is under way and its connection is lost", async () => {
    const lab = await common();
    const app = lab.platform.app("foobaz");
    const before = await head(lab);
    const id = "22222222-7a5c-4d86-9a7e-5f3b7c2f0f11";
    const text = JSON.stringify({ LOST: "1" });
    const lost = request({
      host: "127.0.0.1",
      port: lab.port,
      method: "PATCH",
      path: config,
      agent: false,
      headers: {
        authorization: `Bearer ${lab.token}`,
        "request-id": id,
        "content-type": "application/json",
        "content-length": text.length,
      },
    });
    const gone = new Promise((resolve) => lost.on("error", () => undefined).on("close", resolve));
    await new Promise((resolve) => lost.end(text, () => resolve(undefined)));
    const retries = Array.from({ length: 4 }, () =>
      lab.tcp("PATCH", config, { body: { LOST: "1" }, headers: { "request-id": id } }),
    );
    lost.destroy();
    await gone;
    for (const { status, body } of await Promise.all(retries)) assert.equal([status, body.LOST], [200, "1"]);
    assert.is((await app.ledger.head())?.version, before + 1);
  });

  test("also when another daemon has started meanwhile; not to somebody else", async (t) => {
    const lab = await common();
    const id = "44444444-7a5c-4d86-9a7e-5f3b7c2f0f11";
    const body = { AGAIN: "1" };
    const first = await lab.tcp("PATCH", config, { body, headers: { "request-id": id } });
    const before = await head(lab);
    const door = await openSecondDoor(t, lab);
    const again = await door("PATCH", config, { body, headers: { "request-id": id } });
    assert.equal([again.status, again.body, await head(lab)], [200, first.body, before]);
    assert.is(again.headers["git-heroku-release"], first.headers["git-heroku-release"]);
    const other = { owner: NED.by, isAdmin: true, description: "", lifetimeMs: undefined };
    const { token } = await lab.platform.tokens.create(other);
    const theirs = { body: { AGAIN: "2" }, headers: { "request-id": id }, authorization: `Bearer ${token}` };
    assert.is((await door("PATCH", config, theirs)).body.AGAIN, "2");
    assert.is(await head(lab), before + 1);
  });

  test("a refusal is repeated too, but not one of a platform that stops", async () => {
    const lab = await common();
    const headers = { "request-id": "33333333-7a5c-4d86-9a7e-5f3b7c2f0f11" };
    const first = await lab.tcp("POST", "/apps", { body: { name: "foobaz" }, headers });
    const second = await lab.tcp("POST", "/apps", { body: { name: "foobaz" }, headers });
    assert.equal([first.status, second.status, second.body], [422, 422, first.body]);
  });

  test("a rollback that passes a release over says so in a notice", async () => {
    const lab = await common();
    const app = lab.platform.app("foobaz");
    await deploy(lab, app);
    for (const value of ["good", "bad", "worse"]) await setConfig(lab.platform, app, { STATE: value }, NED);
    const bad = (await head(lab)) - 1;
    await lab.tcp("PATCH", `/apps/foobaz/releases/${String(bad)}`, { body: { bad: "500s ☹" } });
    const { status, headers, body } = await lab.tcp("POST", "/apps/foobaz/releases");
    assert.equal([status, body.description], [201, `Rollback to v${String(bad - 1)}`]);
    assert.is(headers["x-heroku-warning"], `Passed over, marked as bad: v${String(bad)} (500s ?)`);
  });

  test("the account, and what there is only one or none of", async () => {
    const { tcp } = await common();
    const get = async (path: string): Promise<unknown> => (await tcp("GET", path)).body;
    for (const path of ["/account/features", "/account/keys", "/teams", "/oauth/clients", "/oauth/sessions"])
      assert.equal(await get(path), [], path);
    const feature = await tcp("GET", "/account/features/nosuch");
    assert.equal([feature.status, feature.body.resource], [404, "feature"]);
    const [app] = (await get("/users/~/apps")) as { region: { id: string }; stack: { id: string } }[];
    const [region] = (await get("/regions")) as { id: string }[];
    const [stack] = (await get("/stacks")) as { id: string }[];
    assert.equal([region?.id, stack?.id], [app?.region.id, app?.stack.id]);
    assert.match(((await get("/account")) as { created_at: string }).created_at, /^20\d\d-.*Z$/);
  });
});
