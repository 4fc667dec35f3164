/** releases:mark, what it leaves behind, and what a rollback makes of it. */
import * as assert from "uvu/assert";
import type { App } from "../../src/platform/app.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { markRelease, marksOf } from "../../src/platform/marks.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { deploy, logText, NED, openLab, type Lab } from "./lab.ts";

/** A rollback looks at 200 releases that are not marked. */
const MARKED = 220;

async function deployed(t: TestContext, configs: number): Promise<{ lab: Lab; app: App }> {
  const lab = await openLab(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  await deploy(lab, app);
  for (let n = 0; n < configs; n += 1) await append(app);
  return { lab, app };
}

/** Without a launch: what runs does not matter here. */
async function append(app: App): Promise<void> {
  await app.ledger.append(async ({ current }) => ({
    change: "config",
    description: "Config add A",
    ...NED,
    status: "succeeded",
    code: current?.code,
    snapshot: await app.ledger.snapshot(current ?? (await app.ledger.get(1))),
  }));
}

const mark = async (lab: Lab, app: App, version: number, reason: string | null): Promise<unknown> =>
  markRelease(lab.platform, app, { release: await app.ledger.get(version), reason }, NED);

describe("marks", (test) => {
  test("are one commit of the state each, in the log, and make no release", async (t) => {
    const { lab, app } = await deployed(t, 1);
    await mark(lab, app, 2, "500s on /pay");
    await mark(lab, app, 2, "500s on /pay");
    const { at = "", ...rest } = (await marksOf(app)).get(2) ?? {};
    assert.equal(rest, { version: 2, reason: "500s on /pay", by: "ned@foobazco.com" });
    assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const git = (...args: string[]): Promise<string> => lab.git(lab.home.repo(app.name), ...args);
    assert.is(
      await git("show", "refs/heroku/state:marks.json"),
      `{\n  "v2": {\n    "at": "${at}",\n    "by": "ned@foobazco.com",\n    "reason": "500s on /pay"\n  }\n}`,
    );
    await mark(lab, app, 2, null);
    assert.is((await marksOf(app)).size, 0);
    assert.is(await git("log", "--format=%s", "refs/heroku/state"), "Clear mark of v2\nMark v2 bad (500s on /pay)");
    assert.match(await logText(app), '"ps":"api","source":"heroku","msg":"Mark v2 bad (500s on /pay) by ned@');
    assert.is((await app.ledger.head())?.version, 3);
    await refuses("not_found", () => mark(lab, app, 2, null));
    await refuses("invalid_params", () => mark(lab, app, 2, " \n"));
  });

  test("a rollback without a version passes marked releases over and names them", async (t) => {
    const { lab, app } = await deployed(t, 4);
    await mark(lab, app, 5, "slow");
    await mark(lab, app, 4, "500s");
    const back = await rollback(lab.platform, app, undefined, NED);
    assert.is(back.rollbackTo?.version, 3);
    assert.equal(
      back.skipped.map(({ version, reason }) => [version, reason]),
      [
        [5, "slow"],
        [4, "500s"],
      ],
    );
    const named = await rollback(lab.platform, app, 4, NED);
    assert.equal([named.rollbackTo?.version, named.skipped, named.targetMark?.reason], [4, [], "500s"]);
  });

  test("when all that is left is marked, nothing is done", async (t) => {
    const { lab, app } = await deployed(t, 1);
    await mark(lab, app, 2, "bad from the start");
    const error = await refuses("invalid_params", () => rollback(lab.platform, app, undefined, NED));
    assert.match(error.hint ?? "", "v2 is marked bad");
    assert.is((await app.ledger.head())?.version, 3);
  });

  test("more marks than the search is long do not hide the good release behind them", async (t) => {
    const { lab, app } = await deployed(t, MARKED + 1);
    await app.ledger.changeState({ ...NED, message: "Mark many" }, () => {
      const names = Array.from({ length: MARKED }, (_, index) => `v${String(index + 3)}`);
      return { marks: Object.fromEntries(names.map((name) => [name, { at: "", by: "ned", reason: "bad" }])) };
    });
    const { rollbackTo, skipped } = await rollback(lab.platform, app, undefined, NED);
    assert.equal([rollbackTo?.version, skipped.length], [2, MARKED]);
  });
});
