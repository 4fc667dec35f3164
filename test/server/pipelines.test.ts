/** Pipelines and promotions along them, as Heroku's client asks for them. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { addCollaborator, updateCollaborator } from "../../src/platform/access.ts";
import type { App } from "../../src/platform/app.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { currentOf } from "../../src/platform/current-release.ts";
import { destroyApp } from "../../src/platform/destroy-app.ts";
import { describe } from "../support/suite.ts";
import { poll } from "../support/poll.ts";
import { deploy, NED } from "../platform/lab.ts";
import { openDoor, type DoorLab } from "./door-lab.ts";
import { openApi, type ApiAnswer, type ApiLab } from "./lab.ts";

/** Answered with 200 or 201. */
async function ask(lab: ApiLab, ...question: Parameters<ApiLab["ask"]>): Promise<ApiAnswer["body"]> {
  const { status, body } = await lab.ask(...question);
  assert.ok(status === 200 || status === 201, JSON.stringify(body));
  return body;
}

async function refused(
  lab: ApiLab,
  ...question: Parameters<ApiLab["ask"]>
): Promise<[status: number, resource: string]> {
  const { status, body } = await lab.ask(...question);
  return [status, body.resource ?? body.message];
}

/** Over TCP, with a token of their own. */
async function asPerson(
  lab: DoorLab,
  email: string,
): Promise<(method: string, path: string, body?: object) => Promise<ApiAnswer>> {
  const wanted = { owner: { name: email, email }, isAdmin: false, description: "", lifetimeMs: undefined };
  const authorization = `Bearer ${(await lab.platform.tokens.create(wanted)).token}`;
  return (method, path, body) => lab.tcp(method, path, { authorization, ...(body && { body }) });
}

const WHOLE = "00000000-0000-4000-8000-000000000000";

/** The same targets of a promotion of that id. */
function whole(targets: readonly ApiAnswer["body"][]): ApiAnswer["body"][] {
  return targets.map((target) => ({ ...target, pipeline_promotion: { id: WHOLE } }));
}

describe("pipelines", (test) => {
  test("are made, found, renamed, filled and taken apart, and outlive the daemon", async (t) => {
    const lab = await openApi(t);
    const [staging, foobaz] = [
      await createApp(lab.platform, "staging", NED),
      await createApp(lab.platform, "foobaz", NED),
    ];
    assert.equal(await ask(lab, "GET", "/pipelines"), []);
    assert.equal(await refused(lab, "GET", "/apps/foobaz/pipeline-couplings"), [404, "pipeline_coupling"]);
    const made = await ask(lab, "POST", "/pipelines", { name: "shop", owner: { id: "x", type: "user" } });
    assert.equal(await ask(lab, "GET", "/pipelines?eq[name]=shop"), [made]);
    assert.equal(await ask(lab, "GET", "/pipelines?eq[name]=nosuch"), []);
    assert.equal(await ask(lab, "GET", `/pipelines/${made.id as string}`), made);
    assert.equal(await refused(lab, "GET", "/pipelines/nosuch"), [404, "pipeline"]);
    for (const name of ["shop", "X", "a b c"]) {
      assert.is((await refused(lab, "POST", "/pipelines", { name }))[0], 422, name);
    }
    const couple = { pipeline: made.id as string, app: "staging", stage: "staging" };
    const coupled = await ask(lab, "POST", "/pipeline-couplings", couple);
    assert.equal([coupled.app.id, coupled.stage], [staging.id, "staging"]);
    assert.is((await refused(lab, "POST", "/pipeline-couplings", couple))[0], 422);
    assert.is((await refused(lab, "POST", "/pipeline-couplings", { ...couple, stage: "moon" }))[0], 422);
    assert.equal(await refused(lab, "POST", "/pipeline-couplings", { ...couple, app: "nosuch" }), [404, "app"]);
    const place = `/pipeline-couplings/${coupled.id as string}`;
    assert.is((await ask(lab, "PATCH", place, { stage: "development" })).stage, "development");
    await ask(lab, "POST", "/pipeline-couplings", { ...couple, app: foobaz.id, stage: "production" });
    assert.is((await ask(lab, "PATCH", "/pipelines/shop", { name: "store" })).id, made.id);
    assert.is((await ask(lab, "GET", "/apps/staging/pipeline-couplings")).pipeline.name, "store");

    const before = await ask(lab, "GET", "/pipeline-couplings");
    assert.is(before.length, 2);
    assert.equal(await ask(lab, "GET", "/pipelines/store/pipeline-couplings"), before);
    await destroyApp(lab.platform, foobaz, NED);
    assert.is((await ask(lab, "GET", "/pipeline-couplings")).length, 1);

    assert.is((await ask(lab, "DELETE", place)).id, coupled.id);
    assert.equal(await refused(lab, "GET", place), [404, "pipeline_coupling"]);
    assert.is((await ask(lab, "DELETE", "/pipelines/store")).id, made.id);
    assert.equal(await ask(lab, "GET", "/pipelines"), []);
  });

  test("a file that cannot be read is told, kept, and stands in nobody's way", async (t) => {
    const lab = await openApi(t);
    await writeFile(join(lab.home.root, "pipelines.json"), '{"pipelines": 1}');
    assert.equal(await ask(lab, "GET", "/pipelines"), []);
    assert.is(lab.takeFaults().length, 1);
    assert.is((await refused(lab, "POST", "/pipelines", { name: "shop" }))[0], 503);
  });

  test("a promotion is pending until each target has its release or has failed", async (t) => {
    const lab = await openApi(t);
    const apps = [];
    for (const name of ["staging", "first", "second"]) apps.push(await createApp(lab.platform, name, NED));
    const [staging, first, second] = apps;
    if (staging === undefined || first === undefined || second === undefined) throw new Error("three apps");
    await lab.ask("PATCH", "/apps/first/config-vars", { STAGE: "production" });
    const pipeline = await ask(lab, "POST", "/pipelines", { name: "shop" });
    for (const { id } of [staging, first]) {
      await ask(lab, "POST", "/pipeline-couplings", { pipeline: pipeline.id, app: id, stage: "staging" });
    }
    await lab.ask("PATCH", "/apps/staging/config-vars", { STAGE: "staging" });
    await deploy(lab, staging, { Procfile: 'release: test -n "$STAGE"\nworker: exec sleep 600\n' });
    const order = {
      pipeline: { id: pipeline.id as string },
      source: { app: { id: staging.id } },
      targets: [{ app: { id: first.id } }, { app: { id: second.id } }],
    };
    assert.match((await refused(lab, "POST", "/pipeline-promotions", order))[1], "second is not in that pipeline");
    await ask(lab, "POST", "/pipeline-couplings", { pipeline: pipeline.id, app: second.id, stage: "production" });
    const begun = await ask(lab, "POST", "/pipeline-promotions", order);
    const path = `/pipeline-promotions/${begun.id as string}`;
    const targets = await poll(async () => {
      const now = (await ask(lab, "GET", `${path}/promotion-targets`)) as ApiAnswer["body"][];
      return now.some(({ status }) => status === "pending") ? undefined : now;
    });
    assert.is((await ask(lab, "GET", path)).status, "completed");
    assert.equal(
      targets.map(({ app, status, error_message: error }) => [app.id, status, error]),
      [
        [first.id, "succeeded", null],
        [second.id, "failed", "Release command failed: exit status 1. v2 was not deployed."],
      ],
    );
    const release = await ask(lab, "GET", `/apps/first/releases/${targets[0]?.release.id as string}`);
    assert.equal([release.change, release.user.email], ["promotion", "kate@foobazco.com"]);
    assert.equal(await refused(lab, "GET", "/pipeline-promotions/nosuch"), [404, "pipeline_promotion"]);
    const own = await lab.ask("POST", "/apps/staging/actions/promote", { to: "first" });
    assert.equal([own.status, own.headers["git-heroku-release"], own.body.app.name], [201, "4", "first"]);

    // The next daemon knows them too, and what became of those that a killed one had under way.
    await lab.close();
    const file = join(lab.home.root, "promotions.json");
    const [stored] = JSON.parse(await readFile(file, "utf8")) as { id: string; targets: object[] }[];
    const lost = [first, second, staging].map(({ id }) => ({
      id: WHOLE,
      app: id,
      status: "pending",
      release: "",
      error: "",
    }));
    await writeFile(file, JSON.stringify([Object.assign({}, stored, { id: WHOLE }), { ...stored, targets: lost }]));
    const next = await openApi(t, { root: lab.home.root });
    assert.equal(await ask(next, "GET", `/pipeline-promotions/${WHOLE}/promotion-targets`), whole(targets));
    const settled = (await ask(next, "GET", `${path}/promotion-targets`)) as ApiAnswer["body"][];
    assert.equal(
      settled.map(({ status, error_message: error }) => [status, error]),
      [
        ["succeeded", null],
        ["failed", "The release command failed."],
        ["failed", "The platform stopped while it ran; nothing was released."],
      ],
    );
  });

  test("show and change what a person may see and change, and nothing else", async (t) => {
    const lab = await openDoor(t);
    const apps = [];
    for (const name of ["staging", "hidden", "production"]) apps.push(await createApp(lab.platform, name, NED));
    const [staging, hidden, production] = apps as [App, App, App];
    const pipeline = await ask(lab, "POST", "/pipelines", { name: "shop" });
    for (const { id } of apps) {
      await ask(lab, "POST", "/pipeline-couplings", { pipeline: pipeline.id, app: id, stage: "staging" });
    }
    await deploy(lab, staging);
    const email = "ann@foobazco.com";
    const [ann, bob] = [await asPerson(lab, email), await asPerson(lab, "bob@foobazco.com")];
    assert.equal((await ann("GET", "/pipelines")).body, []);
    assert.is((await ann("GET", `/pipelines/${String(pipeline.id)}`)).status, 404);
    await addCollaborator(lab.platform, staging, { email, permissions: ["view"] }, NED);
    const { body: couplings } = await ann("GET", `/pipelines/${String(pipeline.id)}/pipeline-couplings`);
    assert.equal([couplings.length, couplings[0].app.id], [1, staging.id]);
    assert.is((await ann("DELETE", `/pipelines/${String(pipeline.id)}`)).status, 403);
    assert.is((await ann("DELETE", `/pipeline-couplings/${String(couplings[0].id)}`)).status, 403);
    const other = (await ask(lab, "GET", "/apps/hidden/pipeline-couplings")).id as string;
    assert.is((await ann("GET", `/pipeline-couplings/${other}`)).status, 404);

    const order = (target: App): object => ({
      pipeline: { id: pipeline.id as string },
      source: { app: { id: staging.id } },
      targets: [{ app: { id: target.id } }],
    });
    await addCollaborator(lab.platform, production, { email, permissions: ["view", "operate"] }, NED);
    for (const [target, status] of [
      [hidden, 404],
      [production, 403],
    ] as const) {
      assert.is((await ann("POST", "/apps/staging/actions/promote", { to: target.name })).status, status);
      assert.is((await ann("POST", "/pipeline-promotions", order(target))).status, status);
    }
    await updateCollaborator(production, { email, permissions: ["view", "deploy"] }, NED);
    const begun = await ann("POST", "/pipeline-promotions", order(production));
    assert.is(begun.status, 201);
    const path = `/pipeline-promotions/${String(begun.body.id)}`;
    await poll(async () => ((await ann("GET", path)).body.status === "completed" ? true : undefined));
    assert.is((await currentOf(production)).by.email, email);
    assert.is((await bob("GET", path)).status, 404);
  });
});
