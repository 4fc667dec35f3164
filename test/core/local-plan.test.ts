import * as assert from "uvu/assert";
import { planLocal, type LocalWish } from "../../src/core/local-plan.ts";
import { parseProcfile, scanProcfile } from "../../src/core/procfile.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const PROCFILE = scanProcfile("worker: work\nrelease: migrate\nweb: serve\nrun: once\nclock: tick\n");

function plan(...words: string[]): string {
  return planWish({ words, formation: undefined });
}

function planWish(wish: LocalWish): string {
  const processes = planLocal(PROCFILE, wish);
  return processes.map(({ name, portOffset }) => `${name}+${String(portOffset)}`).join(" ");
}

describe("local plan", (test) => {
  test("one of each type that the platform would run, ports in the order of the file", () => {
    assert.is(plan(), "worker.1+0 web.1+100 clock.1+200");
    assert.equal([...parseProcfile("b: 1\na: 2\n").keys()], ["a", "b"]);
    assert.equal(
      [...scanProcfile("b: 1\na: 2\nb: 3\n")],
      [
        ["b", "3"],
        ["a", "2"],
      ],
    );
  });

  test("types and numbers as words", () => {
    assert.is(plan("web"), "web.1+100");
    assert.is(plan("web=2", "worker"), "worker.1+0 web.1+100 web.2+101");
    assert.is(plan("web=1,worker=2"), "worker.1+0 worker.2+1 web.1+100");
    assert.is(plan("release"), "release.1+300", "what is not run by itself can be named");
    assert.is(plan("web=0", "clock"), "clock.1+200");
  });

  test("a formation as in foreman", () => {
    for (const [formation, words, expected] of [
      ["web=2,worker=1", [], "worker.1+0 web.1+100 web.2+101"],
      ["all=1,web=2", [], "worker.1+0 web.1+100 web.2+101 clock.1+200"],
      ["all=2,web=0", ["worker"], "worker.1+0 worker.2+1"],
      [" web = 2 ".replaceAll(" ", ""), ["web", "clock"], "web.1+100 web.2+101 clock.1+200"],
    ] as const)
      assert.is(planWish({ words, formation }), expected);
  });

  test("refuses what it cannot run", async () => {
    assert.match((await refuses("not_found", () => plan("cron"))).hint ?? "", "worker, web, clock, release, run.");
    await refuses("invalid_params", () => plan("web=-1"));
    await refuses("invalid_params", () => plan("web=101"));
    await refuses("invalid_params", () => plan("web=0"));
    await refuses("invalid_params", () => planWish({ words: [], formation: "web:2" }));
    await refuses("not_found", () => planWish({ words: [], formation: "cron=1" }));
  });
});
