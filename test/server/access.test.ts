/** People on one platform: what each may ask, over TCP, for every route that there is. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as assert from "uvu/assert";
import { isAllowed, PERMISSIONS, readAccess, changeCollaborator, type Permission } from "../../src/core/access.ts";
import { addCollaborator, removeCollaborator, transferApp } from "../../src/platform/access.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { keyVisitor } from "../../src/platform/visitor.ts";
import { markVisitor } from "../../src/server/door.ts";
import { needOf } from "../../src/server/permissions.ts";
import { rejects } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { testKey } from "../support/test-keys.ts";
import { NED } from "../platform/lab.ts";
import type { ApiAnswer } from "./lab.ts";
import { dial, hear, openDoor, type DoorLab } from "./door-lab.ts";

const ABSENT_APP = "barfoo";
const APP = "foobaz";

interface Route {
  method: string;
  url: string;
}

interface PeopleLab extends DoorLab {
  routes: Route[];
  /** As this person, who has a token for themselves. */
  as: (email: string, method: string, path: string, options?: Asking) => Promise<ApiAnswer>;
  tokenOf: (email: string) => Promise<string>;
}

type Asking = Parameters<DoorLab["tcp"]>[2];

/** Ned's app foobaz, where somebody has each of the permissions alone: view@foobazco.com and so on. */
async function openPeople(t: TestContext): Promise<PeopleLab> {
  const lab = await openDoor(t);
  const app = await createApp(lab.platform, APP, NED);
  for (const permission of PERMISSIONS) {
    const permissions: Permission[] = permission === "view" ? ["view"] : ["view", permission];
    await addCollaborator(lab.platform, app, { email: `${permission}@foobazco.com`, permissions }, NED);
  }
  const tokens = new Map<string, Promise<string>>();
  const make = async (email: string): Promise<string> => {
    const made = { owner: { name: email, email }, isAdmin: false, description: "", lifetimeMs: undefined };
    return (await lab.platform.tokens.create(made)).token;
  };
  const tokenOf = (email: string): Promise<string> => {
    const token = tokens.get(email) ?? make(email);
    tokens.set(email, token);
    return token;
  };
  const { paths } = (await lab.ask("GET", "/schema")).body as { paths: Record<string, Record<string, object>> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), url: path.replace(/\{(\w+)\}/g, ":$1") })),
  );
  return {
    ...lab,
    routes,
    tokenOf,
    as: async (email, method, path, options = {}) =>
      lab.tcp(method, path, { ...options, authorization: `Bearer ${await tokenOf(email)}` }),
  };
}

function pathIn(app: string, { url }: Route): string {
  return url.replace(":app", app).replace(/:\w+/g, "v1");
}

const OF_APP = /^\/(?:apps|app-setups)\/:app\b/;
const ofApps = ({ routes }: PeopleLab): Route[] => routes.filter(({ url }) => OF_APP.test(url));

describe("people", (test) => {
  const common = test.shared(openPeople);

  test("each route says what it takes, and one that does not cannot be made", async () => {
    const lab = await common();
    assert.ok(lab.routes.length > 100);
    for (const { method, url } of lab.routes) {
      const need = needOf(method, url, false) ?? needOf(method, url, true);
      assert.is.not(need, undefined, `${method} ${url}`);
      assert.is(
        OF_APP.test(url) || url.startsWith("/:app.git/"),
        Array.isArray(need) || need === "owner",
        `${method} ${url}`,
      );
    }
    assert.is(needOf("GET", "/apps/:app/nosuch", false), undefined);
  });

  test("to a stranger an app that is there is as one that is not: every route, with and without a body", async () => {
    const lab = await common();
    for (const route of ofApps(lab)) {
      for (const body of route.method === "GET" ? [undefined] : [undefined, { name: "x", nonsense: [] }]) {
        const options = { body, headers: { "if-none-match": "*", range: "name ..; max=1" } };
        const [hidden, absent] = await Promise.all([
          lab.as("eve@foobazco.com", route.method, pathIn(APP, route), options),
          lab.as("eve@foobazco.com", route.method, pathIn(ABSENT_APP, route), options),
        ]);
        const name = `${route.method} ${route.url}`;
        assert.equal([hidden.status, hidden.body.id, hidden.body.resource], [404, "not_found", "app"], name);
        assert.is(JSON.stringify(hidden.body).replace(APP, ABSENT_APP), JSON.stringify(absent.body), name);
        assert.equal(namesOf(hidden), namesOf(absent), name);
      }
    }
    const { id } = (await lab.ask("GET", `/apps/${APP}`)).body;
    assert.is((await lab.as("eve@foobazco.com", "GET", `/apps/${String(id)}`)).status, 404);
    assert.is((await lab.as("eve@foobazco.com", "GET", `/apps/${APP}/logs?trash=true`)).status, 404);
  });

  test("whoever may see an app and not do a thing is told which permission it takes", async () => {
    const lab = await common();
    const { platform } = lab;
    let refused = 0;
    for (const route of ofApps(lab)) {
      const need = needOf(route.method, route.url, false) ?? ["view"];
      if (!Array.isArray(need) && need !== "owner") throw new Error(`${route.url} is of no app`);
      for (const permission of PERMISSIONS) {
        const email = `${permission}@foobazco.com`;
        const one = { email, permissions: ["view", permission] as const, by: "", at: "" };
        const access = readAccess(changeCollaborator(undefined, email, one), NED.by.email);
        // What is allowed is tried by the tests of the thing itself.
        if (isAllowed(access, email, need)) continue;
        refused += 1;
        const answer = await lab.as(email, route.method, pathIn(APP, route));
        assert.equal(
          [answer.status, answer.body.id],
          [403, "forbidden"],
          `${permission}: ${route.method} ${route.url}`,
        );
        assert.match(answer.body.message, `You do not have permission to do this on ${APP}.`);
      }
    }
    assert.ok(refused > 60, String(refused));
    assert.is(platform.list().length, 1);
    const rename = await lab.as("operate@foobazco.com", "PATCH", `/apps/${APP}`, { body: { name: "mine" } });
    assert.equal([rename.status, rename.body.id], [403, "forbidden"]);
    assert.match(rename.body.message, "need to have the manage permission");
    for (const [email, body] of [
      ["deploy@foobazco.com", { maintenance: true }],
      ["manage@foobazco.com", { owner: "manage@foobazco.com" }],
    ] as const) {
      assert.is((await lab.as(email, "PATCH", `/apps/${APP}`, { body })).status, 403);
    }
    assert.is((await lab.as("view@foobazco.com", "GET", `/apps/${APP}/logs?trash=true`)).status, 403);
    for (const [method, path] of [
      ["GET", "/platform"],
      ["GET", "/platform/doctor"],
      ["POST", "/platform/actions/stop"],
      ["POST", "/platform/actions/replace-router"],
      ["POST", "/restores"],
    ] as const) {
      assert.is((await lab.as("manage@foobazco.com", method, path)).status, 403, path);
    }
    assert.equal(lab.stops, []);
  });

  test("lists hold what one may see; who makes an app owns it, and learns nothing of another", async () => {
    const lab = await common();
    const eve = "eve@foobazco.com";
    const names = async (email: string): Promise<string[]> => {
      const lists = await Promise.all([
        lab.as(email, "GET", "/apps"),
        lab.as(email, "GET", "/users/~/apps"),
        lab.as(email, "POST", "/filters/apps", { body: { in: { id: [APP, "hers"] } } }),
      ]);
      const [all = [], ...others] = lists.map(({ body }) => (body as { name: string }[]).map(({ name }) => name));
      for (const other of others) assert.equal(other, all);
      return all;
    };
    assert.equal(await names(eve), []);
    const made = await lab.as(eve, "POST", "/apps", { body: { name: "hers" } });
    assert.equal([made.status, made.body.owner.email], [201, eve]);
    assert.equal(await names(eve), ["hers"]);
    assert.equal(await names("view@foobazco.com"), [APP]);
    const taken = await lab.as(eve, "POST", "/apps", { body: { name: APP } });
    assert.equal([taken.status, taken.body.hint], [422, "Choose another name."]);
    await lab.ask("POST", `/apps/${APP}/domains`, { hostname: "www.example.org" });
    const domain = await lab.as(eve, "POST", "/apps/hers/domains", { body: { hostname: "www.example.org" } });
    assert.is(domain.status, 422);
    assert.not.match(JSON.stringify(domain.body), APP);
    assert.is((await lab.as(eve, "DELETE", "/apps/hers")).status, 200);
  });

  test("a change sent again is answered to who sent it, and to nobody else", async () => {
    const lab = await common();
    const headers = { "request-id": randomUUID() };
    const set = (email: string): Promise<ApiAnswer> =>
      lab.as(email, "PATCH", `/apps/${APP}/config-vars`, { body: { SECRET: "rosebud" }, headers });
    assert.is((await set("deploy@foobazco.com")).body.SECRET, "rosebud");
    assert.is((await set("view@foobazco.com")).status, 403);
    assert.is((await set("eve@foobazco.com")).status, 404);
    const release = (await lab.ask("GET", `/apps/${APP}/releases/2`)).body;
    assert.is(release.user.email, "deploy@foobazco.com");
  });

  test("what comes together is shared by nobody who may not have it", async () => {
    const lab = await common();
    const people = ["view@foobazco.com", "eve@foobazco.com", "manage@foobazco.com"];
    const asked = people.map((email) => lab.as(email, "GET", `/apps/${APP}/releases`));
    assert.equal(
      (await Promise.all(asked)).map(({ status }) => status),
      [200, 404, 200],
    );
  });
});

function namesOf({ headers }: ApiAnswer): string[] {
  return Object.keys(headers).sort();
}

describe("people that go", (test) => {
  const common = test.shared(openPeople);

  test("who is taken off an app is cut off from what they follow, and the addresses they were given lead nowhere", async () => {
    const lab = await common();
    const app = lab.platform.app(APP);
    const kate = "kate@foobazco.com";
    await addCollaborator(lab.platform, app, { email: kate, permissions: ["view"] }, NED);
    const session = await lab.as(kate, "POST", `/apps/${APP}/log-sessions`, { body: { tail: true } });
    const { pathname } = new URL(String(session.body.logplex_url));
    const followers = [
      `GET /apps/${APP}/logs?tail=true HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await lab.tokenOf(kate)}\r\n\r\n`,
      `GET ${pathname} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ];
    const over = await Promise.all(
      followers.map(async (head) => {
        const socket = await dial(lab.port);
        const heard = hear(socket);
        const begun = new Promise((resolve) => socket.once("data", resolve));
        socket.write(head);
        await begun;
        return { heard };
      }),
    );
    await removeCollaborator(app, kate, NED);
    for (const { heard } of over) assert.match(await heard, /^HTTP\/1\.1 200 /);
    assert.is((await lab.tcp("GET", pathname, { authorization: null })).status, 404);
    assert.is((await lab.as(kate, "GET", `/apps/${APP}`)).status, 404);
    const { body: lines } = await lab.ask("GET", `/apps/${APP}/logs?ps=api`);
    assert.match(String(lines), "Add collaborator kate@foobazco.com (view) by ned@foobazco.com");
    assert.match(String(lines), "Remove collaborator kate@foobazco.com by ned@foobazco.com");
  });

  test("a stay goes on as long as its permission does", async () => {
    const lab = await common();
    const app = lab.platform.app(APP);
    const socket = await dial(lab.port);
    const heard = hear(socket);
    const begun = new Promise((resolve) => socket.once("data", resolve));
    const token = await lab.tokenOf("operate@foobazco.com");
    socket.write(
      `GET /apps/${APP}/logs?tail=true HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    await begun;
    const less = await lab.as("manage@foobazco.com", "PATCH", `/apps/${APP}/collaborators/operate@foobazco.com`, {
      body: { permissions: ["view"] },
    });
    assert.equal([less.status, less.body.permissions], [200, [{ name: "view" }]]);
    app.log("api", "Still there");
    await new Promise<void>((resolve) => {
      socket.on("data", (chunk) => {
        if (chunk.toString().includes("Still there")) resolve();
      });
    });
    socket.destroy();
    await heard;
  });

  test("collaborators are added, changed and removed by who may manage, and anybody may leave", async () => {
    const lab = await common();
    const path = `/apps/${APP}/collaborators`;
    const manager = "manage@foobazco.com";
    const added = await lab.as(manager, "POST", path, { body: { user: "Kate@FooBazCo.com" } });
    assert.equal([added.status, added.body.user.email, added.body.role], [201, "kate@foobazco.com", "collaborator"]);
    assert.equal(
      added.body.permissions.map(({ name }: { name: string }) => name),
      ["deploy", "operate", "view"],
    );
    for (const user of ["kate@foobazco.com", "ned@foobazco.com", "nobody", "a@b@c"]) {
      assert.is((await lab.as(manager, "POST", path, { body: { user } })).status, 422, user);
    }
    const bad = await lab.as(manager, "PATCH", `${path}/kate@foobazco.com`, { body: { permissions: ["root"] } });
    assert.equal([bad.status, bad.body.id], [422, "invalid_params"]);
    assert.is((await lab.as("kate@foobazco.com", "DELETE", `${path}/${manager}`)).status, 403);
    assert.is((await lab.as(manager, "DELETE", `${path}/ned@foobazco.com`)).status, 403);
    assert.is((await lab.as(manager, "DELETE", `${path}/eve@foobazco.com`)).status, 404);
    const left = await lab.as("kate@foobazco.com", "DELETE", `${path}/kate@foobazco.com`);
    assert.equal([left.status, left.body.user.email], [200, "kate@foobazco.com"]);
    assert.is((await lab.as("kate@foobazco.com", "GET", path)).status, 404);
  });

  test("an app that is given away belongs to one person, and who gave it keeps all permissions", async () => {
    const lab = await common();
    const app = await createApp(lab.platform, "handed", NED);
    const wanted = { body: { owner: "kate@foobazco.com" } };
    assert.is((await lab.as("kate@foobazco.com", "PATCH", "/apps/handed", wanted)).status, 404);
    const given = await lab.as("ned@foobazco.com", "PATCH", "/apps/handed", wanted);
    assert.equal([given.status, given.body.owner.email], [200, "kate@foobazco.com"]);
    const { body } = await lab.as("kate@foobazco.com", "GET", "/apps/handed/collaborators");
    assert.equal(
      body.map(({ user, role }: { user: { email: string }; role: string }) => [user.email, role]),
      [
        ["kate@foobazco.com", "owner"],
        ["ned@foobazco.com", "collaborator"],
      ],
    );
    assert.is((await lab.as("ned@foobazco.com", "DELETE", "/apps/handed")).status, 403);
    await transferApp(lab.platform, app, "ned@foobazco.com", NED);
    assert.is((await lab.as("ned@foobazco.com", "DELETE", "/apps/handed")).status, 200);
  });

  test("a door that knows who comes: nothing that a request says of that counts", async (t) => {
    const lab = await common();
    const by = { name: "Kate", email: "deploy@foobazco.com" };
    const { fingerprint, publicKey } = testKey("guest");
    await lab.platform.keys.add(publicKey, { owner: by, isAdmin: false });
    const use = lab.platform.keys.use(fingerprint);
    const door = createServer((request, response) => {
      if (use !== undefined) markVisitor(request, keyVisitor(use));
      lab.server.routing(request, response);
    });
    door.listen(0, "127.0.0.1");
    await once(door, "listening");
    t.after(() => new Promise((resolve) => door.close(resolve)));
    t.after(() => door.closeAllConnections());
    const ask = async (path: string, method = "GET", body?: unknown): Promise<Response> =>
      fetch(`http://127.0.0.1:${String((door.address() as AddressInfo).port)}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${lab.token}`,
          "git-heroku-user": "Ned <ned@foobazco.com>",
          "content-type": "application/json",
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    assert.is((await ask(`/apps/${APP}/config-vars`, "PATCH", { A: "1" })).status, 200);
    const release = await lab.platform.app(APP).ledger.head();
    assert.equal([release?.by, release?.via], [by, `ssh ${fingerprint}`]);
    assert.is((await ask(`/apps/${APP}`, "DELETE")).status, 403);
    assert.is((await ask("/restores", "POST", { name: "x", path: "/", keys: { config: {} } })).status, 403);
    const following = (await ask(`/apps/${APP}/logs?tail=true`)).body?.getReader();
    await following?.read();
    await lab.platform.keys.remove(fingerprint, () => true);
    await rejects(
      (async () => {
        for (;;) if ((await following?.read())?.done !== false) return;
      })(),
    );
    // A request that is still let in, as one that was under way would be, changes nothing any more.
    assert.is((await ask(`/apps/${APP}/config-vars`, "PATCH", { A: "2" })).status, 401);
    assert.is((await lab.platform.app(APP).ledger.head())?.version, release?.version);
  });

  test("tokens: who may do everything makes them for others, everybody else for themselves", async () => {
    const lab = await common();
    const path = "/oauth/authorizations";
    const forKate = await lab.ask("POST", path, { user: "Kate Bush <kate@foobazco.com>" });
    assert.equal([forKate.body.user.full_name, forKate.body.admin], ["Kate Bush", false]);
    const authorization = `Bearer ${String(forKate.body.access_token.token)}`;
    const own = await lab.tcp("POST", path, { authorization, body: { user: "Kate@foobazco.com" } });
    assert.equal([own.status, own.body.admin, own.body.user.full_name], [201, false, "Kate Bush"]);
    const other = await lab.tcp("POST", path, { authorization, body: { user: "ned@foobazco.com" } });
    assert.equal([other.status, other.body.id], [403, "forbidden"]);
    assert.is((await lab.tcp("GET", "/platform", { authorization })).status, 403);
    const admin = await lab.tcp("POST", path, {});
    assert.is(admin.body.admin, true);
    assert.is((await lab.ask("POST", path, { user: "no address" })).status, 422);
  });
});
