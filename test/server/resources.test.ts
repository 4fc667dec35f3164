/** Every endpoint as its clients read it: the fields of the Platform API, statuses, and what changes. */
import { hostname } from "node:os";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { describe } from "../support/suite.ts";
import { deploy, logText, NED } from "../platform/lab.ts";
import { openApi } from "./lab.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ROUTER = { pid: 4711, port: 5000, version: "1.2.2", started_at: "2026-11-23T16:20:04Z" };

describe("resources", (test) => {
  test("apps: created, listed, shown by name and id, changed, destroyed", async (t) => {
    const { ask, platform, home } = await openApi(t);
    assert.equal((await ask("GET", "/apps")).body, []);
    const made = await ask("POST", "/apps", { name: "foobaz" });
    assert.is(made.status, 201);
    assert.is(made.body.name, "foobaz");
    assert.is(made.body.git_url, home.repo("foobaz" as never));
    assert.is(made.body.web_url, `http://foobaz.localhost:${String(platform.router.port)}/`);
    assert.is(made.body.owner.email, "kate@foobazco.com");
    assert.is(made.body.released_at, null);
    for (const body of [{}, undefined]) assert.is((await ask("POST", "/apps", body)).status, 201);
    assert.is((await ask("POST", "/apps", "", { "content-type": "application/json" })).status, 201);
    assert.is((await ask("GET", "/apps")).body.length, 4);
    for (const name of ["foobaz", made.body.id]) assert.equal((await ask("GET", `/apps/${name}`)).body, made.body);
    const changed = await ask("PATCH", "/apps/foobaz", { maintenance: true });
    assert.is(changed.status, 200);
    assert.is(changed.body.maintenance, true);
    const gone = await ask("DELETE", "/apps/foobaz");
    assert.is(gone.status, 200);
    assert.is(gone.body.id, made.body.id);
    assert.is((await ask("GET", "/apps/foobaz")).status, 404);
    assert.is((await ask("DELETE", "/apps/foobaz")).status, 404);
  });

  test("dynos and formation", async (t) => {
    const lab = await openApi(t);
    const { ask } = lab;
    const app = await createApp(lab.platform, "foobaz", NED);
    for (const path of ["dynos", "formation"]) assert.equal((await ask("GET", `/apps/foobaz/${path}`)).body, []);
    await deploy(lab, app, { Procfile: "clock: exec sleep 600\nrelease: true\nworker: exec sleep 600\n" });
    const formation = (await ask("GET", "/apps/foobaz/formation")).body;
    assert.equal(
      formation.map(({ type, quantity }: { type: string; quantity: number }) => [type, quantity]),
      [
        ["clock", 0],
        ["release", 0],
        ["worker", 0],
      ],
    );
    for (const [quantity, now] of [
      [2, 2],
      ["+1", 3],
      ["-2", 1],
      ["2", 2],
      ["+0", 2],
      [2, 2],
    ] as const) {
      const scaled = await ask("PATCH", "/apps/foobaz/formation", { updates: [{ type: "worker", quantity }] });
      assert.is(scaled.status, 200);
      assert.is(scaled.body.length, 1, "the changed ones only");
      assert.is(scaled.body[0].quantity, now);
    }
    await app.formation.settled();
    const dynos = (await ask("GET", "/apps/foobaz/dynos")).body;
    assert.equal(
      dynos.map(({ name, state, extended }: Record<string, unknown>) => [name, state, extended]),
      [
        ["worker.1", "up", undefined],
        ["worker.2", "up", undefined],
      ],
    );
    const release = await ask("GET", `/apps/foobaz/releases/${String(dynos[0].release.id)}`);
    assert.is(release.body.version, dynos[0].release.version, "the id leads to the release");
    const [extended] = (await ask("GET", "/apps/foobaz/dynos?extended=true")).body;
    assert.type(extended.extended.pid, "number");
    assert.type(extended.extended.memory, "number");
    assert.equal(
      { ...extended.extended, pid: 0, memory: 0 },
      { pid: 0, port: null, restarts: 0, serving: false, listed: true, release: 2, memory: 0, host: hostname() },
    );
  });

  test("limits and a wait", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    assert.is((await lab.ask("GET", "/apps/foobaz/dynos/actions/wait")).status, 404);
    await deploy(lab, app);
    await lab.ask("PATCH", "/apps/foobaz/formation", { updates: [{ type: "worker", quantity: 1 }] });
    const waited = await lab.ask("GET", "/apps/foobaz/dynos/actions/wait?type=worker&timeout=100");
    assert.equal([waited.body.status, waited.body.version], ["up", 2]);
    for (const query of ["timeout=0", "timeout=soon", "with_run=1"]) {
      assert.is((await lab.ask("GET", `/apps/foobaz/dynos/actions/wait?${query}`)).status, 422, query);
    }
    const limits = { type: "worker", memory: "64MB", open_files: null, processes: null };
    const set = await lab.ask("PATCH", "/apps/foobaz/limits/worker", { memory: "64MB" });
    assert.equal(set.body, limits);
    assert.equal((await lab.ask("GET", "/apps/foobaz/limits")).body, [limits]);
    for (const body of [{}, { memory: 64 }, { colour: "red" }]) {
      assert.is((await lab.ask("PATCH", "/apps/foobaz/limits/worker", body)).status, 422);
    }
    assert.is((await lab.ask("PATCH", "/apps/foobaz/limits/worker", { memory: "64" })).status, 422);
    assert.is((await lab.ask("PATCH", "/apps/foobaz/limits/wbe", { memory: "64MB" })).status, 404);
  });

  test("restart and stop answer at once", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await lab.ask("PATCH", "/apps/foobaz/formation", { updates: [{ type: "worker", quantity: 1 }] });
    const requests = [
      ["DELETE", "/apps/foobaz/dynos"],
      ["DELETE", "/apps/foobaz/dynos/worker.1"],
      ["DELETE", "/apps/foobaz/formations/worker"],
      ["POST", "/apps/foobaz/dynos/worker.1/actions/stop"],
      ["POST", "/apps/foobaz/formations/worker/actions/stop"],
    ] as const;
    for (const [method, path] of requests) {
      const answer = await lab.ask(method, path);
      assert.equal([answer.status, answer.body], [202, {}], path);
    }
    const log = await logText(app);
    for (const words of ["Restart all processes", "Restart worker.1", "Restart worker", "Stop worker.1", "Stop worker"])
      assert.match(log, `${words} by kate@foobazco.com`);
  });

  test("releases, with their config, and rollback by version, id and none", async (t) => {
    const lab = await openApi(t);
    const { ask } = lab;
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await ask("PATCH", "/apps/foobaz/config-vars", { A: "1" });
    await ask("PATCH", "/apps/foobaz/config-vars", { A: "2" });
    const releases = (await ask("GET", "/apps/foobaz/releases")).body;
    assert.equal(
      releases.map(({ version, current, description }: Record<string, unknown>) => [version, current, description]),
      [
        [1, false, "Initial release"],
        [2, false, `Deploy ${String(releases[1].commit).slice(0, 7)}`],
        [3, false, "Config add A"],
        [4, true, "Config add A"],
      ],
    );
    assert.is(releases[0].slug, null);
    assert.match(releases[1].slug.id, UUID);
    assert.equal(
      releases.map((one: Record<string, unknown>) => one["eligible_for_rollback"]),
      [false, true, true, true],
    );
    assert.is(releases[3].user.email, "kate@foobazco.com");
    const path = "/apps/foobaz/releases";
    for (const name of ["3", "v3", releases[2].id])
      assert.equal((await ask("GET", `${path}/${name}`)).body, releases[2]);
    assert.equal((await ask("GET", `${path}/current`)).body, releases[3]);
    assert.equal((await ask("GET", `${path}/3/config-vars`)).body, { A: "1" });
    assert.equal((await ask("GET", `${path}/v1/config-vars`)).body, {});
    const rollbacks: [unknown, string][] = [
      [{ release: releases[2].id }, "Rollback to v3"],
      [{ release: "4" }, "Rollback to v4"],
      [{ release: "v2" }, "Rollback to v2"],
      [{}, "Rollback to v6"],
      [undefined, "Rollback to v7"],
    ];
    for (const [body, description] of rollbacks) {
      const made = await ask("POST", path, body);
      assert.is(made.status, 201);
      assert.equal([made.body.description, made.body.current], [description, true]);
    }
  });

  test("config vars: a release is named only when one was made", async (t) => {
    const lab = await openApi(t);
    const { ask } = lab;
    await createApp(lab.platform, "foobaz", NED);
    const path = "/apps/foobaz/config-vars";
    const made = await ask("PATCH", path, { B: "2", A: "ä\n'\"$(x)" });
    assert.equal([made.status, made.body], [200, { A: "ä\n'\"$(x)", B: "2" }]);
    assert.is(made.headers["git-heroku-release"], "2");
    for (const same of [{ B: "2" }, {}, { NONE: null }]) {
      const answer = await ask("PATCH", path, same);
      assert.is(answer.status, 200);
      assert.not.ok("git-heroku-release" in answer.headers);
    }
    assert.is((await ask("PATCH", path, { B: null })).headers["git-heroku-release"], "3");
    assert.equal((await ask("GET", path)).body, { A: "ä\n'\"$(x)" });
  });

  test("settings", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const path = "/apps/foobaz/settings";
    assert.is((await lab.ask("PATCH", path, { preboot: "off" })).body.preboot, "off");
    assert.is((await lab.ask("GET", path)).body.preboot, "off");
    assert.is((await lab.ask("PATCH", path, { preboot: null })).body.preboot, "on");
  });

  test("who asks is who is written down", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const by = async (user: string, value: string): Promise<string | undefined> => {
      await lab.ask("PATCH", "/apps/foobaz/config-vars", { A: value }, { "git-heroku-user": user });
      const { name, email } = (await app.ledger.head())?.by ?? {};
      return `${String(name)} ${String(email)}`;
    };
    assert.is(await by(Buffer.from("Zoë <zoe@x.com>").toString("latin1"), "1"), "Zoë zoe@x.com");
    assert.is(await by("A\tB <a@x.com>", "2"), "AB a@x.com");
    assert.match((await by("", "3")) ?? "", /^\S+ \S+@\S+$/);
  });

  test("the platform itself", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const about = (await lab.ask("GET", "/platform")).body;
    assert.ok(about.rss_bytes > 1_000_000);
    assert.equal(
      { ...about, rss_bytes: 0 },
      {
        version: "1.2.3",
        pid: process.pid,
        home: lab.home.root,
        started_at: "2026-11-23T16:20:05Z",
        api_url: "http://127.0.0.1:5001",
        certificate: lab.platform.home.certificate,
        router_url: `http://127.0.0.1:${String(lab.platform.router.port)}`,
        router: ROUTER,
        apps: 1,
        processes: 0,
        rss_bytes: 0,
      },
    );
    assert.equal((await lab.ask("GET", "/platform/doctor")).body, [
      { name: "all", ok: true, level: "ok", message: "well" },
    ]);
    assert.equal((await lab.ask("POST", "/platform/actions/replace-router")).body, ROUTER);
    for (const body of [{ apps: true }, {}, undefined])
      assert.is((await lab.ask("POST", "/platform/actions/stop", body)).status, 202);
    assert.equal(lab.stops, [{ apps: true }, { apps: false }, { apps: false }]);
  });
});
