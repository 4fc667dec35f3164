/** Promotions: code as it was built in one app becomes a release of another. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { describeSlugs } from "../../src/platform/slugs.ts";
import { destroyApp } from "../../src/platform/destroy-app.ts";
import { setBuildpacks } from "../../src/platform/buildpacks.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { currentOf } from "../../src/platform/current-release.ts";
import { promote } from "../../src/platform/promote.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { readConfig, setConfig } from "../../src/platform/set-config.ts";
import type { App } from "../../src/platform/app.ts";
import type { Actor } from "../../src/platform/actor.ts";
import type { Release } from "../../src/core/release.ts";
import { FIXTURES } from "../support/platform.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { deploy, inspect, NED, openLab, runGit, SLEEPER, until, type Lab } from "./lab.ts";

const KATE: Actor = { by: { name: "Kate", email: "kate@foobazco.com" }, via: "api" };

interface Stages {
  staging: App;
  production: App;
}

async function openStages(lab: Lab): Promise<Stages> {
  const [staging, production] = [
    await createApp(lab.platform, "staging", NED),
    await createApp(lab.platform, "production", NED),
  ];
  return { staging, production };
}

async function promoteCurrent(lab: Lab, { staging, production }: Stages): Promise<Release> {
  return promote(lab.platform, { app: staging, release: await currentOf(staging) }, production, KATE);
}

describe("promote", (test) => {
  test("brings the code as it was built, and neither config nor a build", async (t) => {
    const lab = await openLab(t);
    const stages = await openStages(lab);
    const { staging, production } = stages;
    // The target has code of its own, and is built otherwise.
    await setBuildpacks(production, ["procfile"], NED);
    await deploy(lab, production, { ...SLEEPER, origin: "another history" });
    await setBuildpacks(staging, [join(FIXTURES, "..", "buildpacks", "pages")], NED);
    const version = await deploy(lab, staging, { "pages/hello.txt": "Hello\n" });
    await setConfig(lab.platform, staging, { STAGE: "staging" }, NED);
    await setConfig(lab.platform, production, { STAGE: "production" }, NED);
    const builds = await production.builds.list();

    const release = await promoteCurrent(lab, stages);
    const source = await currentOf(staging);
    assert.equal(
      [release.change, release.description, release.by.email, release.via, release.code],
      [
        "promotion",
        `Promote staging v${String(version + 1)} ${String(source.code).slice(0, 7)}`,
        KATE.by.email,
        "api",
        source.code,
      ],
    );
    assert.equal(await readConfig(production), { STAGE: "production" });
    assert.equal(await production.builds.list(), builds, "nothing was built");
    assert.is(await runGit(lab.home.repo(production.name), "rev-parse", "main"), source.code);
    const [of, from] = [await production.ledger.snapshot(release), await staging.ledger.snapshot(source)];
    assert.equal([of.codeTree, of.procfile], [from.codeTree, from.procfile]);
    const [slugs, originals] = [
      await describeSlugs(lab.platform, production, { verify: true }),
      await describeSlugs(lab.platform, staging, { verify: true }),
    ];
    const [slug] = slugs;
    assert.equal([slug?.id, slug?.isIntact, slug?.releases], [originals[0]?.id, true, [release.version]]);
    assert.equal(
      (await inspect(lab)).filter((line) => !line.ok && /ledger|staging|production/.test(line.message)),
      [],
    );

    // It is a release like any other, and needs its source no more.
    await destroyApp(lab.platform, staging, NED);
    await rollback(lab.platform, production, undefined, NED);
    assert.is.not((await currentOf(production)).code, source.code);
    await rollback(lab.platform, production, release.version, NED);
    assert.is((await currentOf(production)).code, source.code);
    assert.equal(await production.builds.list(), builds);
    await runGit(lab.home.repo(production.name), "fsck", "--connectivity-only", "--no-dangling");
  });

  test("twice the same is two releases and one slug; what cannot be is refused, and leaves nothing", async (t) => {
    const lab = await openLab(t);
    const stages = await openStages(lab);
    const { staging, production } = stages;
    assert.match(
      (await refuses("invalid_params", () => promoteCurrent(lab, stages))).message,
      "v1 of staging has no code",
    );
    const itself = { staging, production: staging };
    assert.match((await refuses("invalid_params", () => promoteCurrent(lab, itself))).message, "to itself");
    await setConfig(lab.platform, staging, { STAGE: "staging" }, NED);
    await deploy(lab, staging);
    const versions = [await promoteCurrent(lab, stages), await promoteCurrent(lab, stages)].map((one) => one.version);
    assert.equal(versions, [2, 3]);
    assert.is((await describeSlugs(lab.platform, production, { verify: false })).length, 1);

    // The target's own release command decides, with the target's config.
    await deploy(lab, staging, { Procfile: 'release: test "$STAGE" = staging\nworker: exec sleep 600\n' });
    await refuses("release_failed", () => promoteCurrent(lab, stages));
    const failed = await production.ledger.get(4);
    assert.equal([failed.status, failed.change], ["failed", "promotion"]);
    assert.is((await currentOf(production)).version, 3);
    await until(() => production.launchedVersion === 3);
  });
});
