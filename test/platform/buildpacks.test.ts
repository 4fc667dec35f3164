/** What an app is built with, as its deploys, its processes and an old release see it. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { listBuildpacks, setBuildpacks } from "../../src/platform/buildpacks.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { ensureSlug } from "../../src/platform/ensure-slug.ts";
import { scale } from "../../src/platform/scale.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { readConfig, setConfig } from "../../src/platform/set-config.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { bringCode, logText, NED, openLab, pushCommit, untilLogged } from "./lab.ts";

const PAGES = fileURLToPath(new URL("../../../fixtures/buildpacks/pages", import.meta.url));
const CODE = {
  "pages/hello.txt": "Hello\n",
  Procfile: 'worker: env; head -n 1 "$SITE_ROOT/hello.html"; exec sleep 600\n',
};

describe("buildpacks of an app", (test) => {
  test("a first deploy, its processes, and its release on another day", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const pages = join(await t.tempDir(), "pages");
    await cp(PAGES, pages, { recursive: true });
    await setConfig(lab.platform, app, { SITE_TITLE: "Ours" }, NED);
    assert.equal(await setBuildpacks(app, ["heroku/static", pages], NED), ["static", pages]);
    assert.equal(await setBuildpacks(app, [pages], NED), [pages]);
    assert.match(await logText(app), `Set buildpacks ${pages} by ned@foobazco.com`);
    assert.is((await app.ledger.head())?.version, 2, "no release");
    const { shown } = await pushCommit(lab, app, await bringCode(lab, app, CODE));
    assert.match(shown, "-----> Pages app detected\n");
    assert.match(shown, "-----> Adding config vars of the buildpack: SITE_LANG\n");
    assert.match(
      shown,
      " !     The buildpack asks for add-ons, which this platform does not have: heroku-postgresql:dev\n",
    );
    assert.equal(await readConfig(app), { SITE_LANG: "en", SITE_TITLE: "Ours" });
    const release = await app.ledger.current();
    if (release === undefined) throw new Error("no release");
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
    await untilLogged(app, "<title>Ours</title>");
    const text = await logText(app);
    assert.match(text, /"ps":"worker\.1","source":"app",[^\n]*"msg":"PATH=[^:\n]*\/\.page-tool\/bin:/);

    const slug = await ensureSlug(lab.platform, app, release);
    await setBuildpacks(app, [], NED);
    assert.equal(await listBuildpacks(app), []);
    app.slugs.clear();
    assert.is((await ensureSlug(lab.platform, app, release)).id, slug.id, "as it was built");
    app.slugs.clear();
    await rm(join(slug.dir, ".."), { recursive: true, force: true });
    await rm(pages, { recursive: true });
    const again = await ensureSlug(lab.platform, app, release);
    assert.equal(
      [again.id.slice(0, 40), again.buildpacks],
      [slug.id.slice(0, 40), slug.buildpacks],
      "by the same buildpack",
    );
  });

  test("a release of code that other buildpacks have built since runs on its own slug", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const commit = await bringCode(lab, app, CODE);
    await setBuildpacks(app, [PAGES], NED);
    assert.is((await pushCommit(lab, app, commit)).report?.ok, true);
    await setBuildpacks(app, [], NED);
    assert.is((await pushCommit(lab, app, commit)).report?.ok, true);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await rollback(lab.platform, app, 2, NED);
    await setConfig(lab.platform, app, { A: "2" }, NED);
    const kinds = async (): Promise<string[]> => {
      const releases = (await app.ledger.list({ max: 5 })).toReversed();
      const slugs = await Promise.all(releases.map((release) => ensureSlug(lab.platform, app, release)));
      return releases.map(({ change }, index) => `${change} ${slugs[index]?.detected ?? ""}`);
    };
    const all = ["deploy Pages", "deploy Procfile", "config Procfile", "rollback Pages", "config Pages"];
    assert.equal(await kinds(), all);
    app.slugs.clear();
    assert.equal(await kinds(), all, "also when another daemon looks");
  });

  test("BUILDPACK_URL goes before the list, and what is no buildpack is refused", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    for (const [bad, message] of [
      [["nonsense"], '"nonsense" is not a buildpack.'],
      [["https://ned:secret@example.com/x.git"], "cannot have a user or a password in it."],
      [["https://example.com/x.git#--upload-pack=x"], "is not a buildpack."],
      [["nodejs", "heroku/nodejs"], "The buildpack nodejs is already set on your app."],
    ] as const) {
      assert.match((await refuses("invalid_params", () => setBuildpacks(app, [...bad], NED))).message, message);
    }
    await setBuildpacks(app, ["ruby"], NED);
    await setConfig(lab.platform, app, { BUILDPACK_URL: "heroku/procfile" }, NED);
    const { shown, report } = await pushCommit(
      lab,
      app,
      await bringCode(lab, app, { Procfile: "worker: sleep 600\n" }),
    );
    assert.is(report?.ok, true);
    assert.match(shown, "-----> Using buildpack: procfile\n-----> Procfile app detected\n");
    await setConfig(lab.platform, app, { BUILDPACK_URL: null }, NED);
    const refused = await pushCommit(lab, app, await bringCode(lab, app, { Procfile: "worker: sleep 601\n" }));
    assert.match(refused.shown, " !     App not compatible with buildpack: ruby\n");
    assert.equal(refused.report, { ref: "refs/heads/main", ok: false, reason: "build failed" });
  });
});
