/** Quantities and names of dynos. */
import * as assert from "uvu/assert";
import {
  changeQuantities,
  compareDynoNames,
  firstQuantities,
  formatDynoName,
  parseDynoName,
  parseQuantity,
  parseScale,
  plannedDynos,
} from "../../src/core/formation-plan.ts";
import { parseProcfile } from "../../src/core/procfile.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const procfile = parseProcfile("web: a\nworker: b\nrelease: c\nmy-job_2: d\nconstructor: e\n");

describe("formation plan", (test) => {
  test("a quantity is set, raised or lowered", () => {
    assert.equal(parseScale("web=2"), { type: "web", mode: "set", amount: 2 });
    assert.equal(parseScale("worker+1"), { type: "worker", mode: "add", amount: 1 });
    assert.equal(parseScale("web-1"), { type: "web", mode: "add", amount: -1 });
    assert.equal(parseScale("my-job_2-1"), { type: "my-job_2", mode: "add", amount: -1 });
  });

  test("anything else is no quantity", async () => {
    for (const text of [
      "",
      "web",
      "web=",
      "web=x",
      "web=1.5",
      "=2",
      "web=2:Standard-1X",
      "web==2",
      "we b=1",
      "web=-1",
    ]) {
      const error = await refuses("invalid_params", () => parseScale(text));
      assert.is(error.hint, "Write it as web=2, worker+1 or worker-1.");
    }
  });

  test("the API may send numbers and words", async () => {
    assert.equal(parseQuantity("web", 3), { type: "web", mode: "set", amount: 3 });
    assert.equal(parseQuantity("web", "3"), { type: "web", mode: "set", amount: 3 });
    assert.equal(parseQuantity("web", "+1"), { type: "web", mode: "add", amount: 1 });
    assert.equal(parseQuantity("web", "-1"), { type: "web", mode: "add", amount: -1 });
    for (const value of [-1, 1.5, Number.NaN, null, "", "1e3", true, {}]) {
      await refuses("invalid_params", () => parseQuantity("web", value));
    }
  });

  test("types that are not named keep their quantity", () => {
    const changes = [parseScale("worker=2"), parseScale("worker+1"), parseScale("my-job_2=1")];
    assert.equal(changeQuantities({ web: 4 }, changes, procfile), { "my-job_2": 1, web: 4, worker: 3 });
    assert.equal(changeQuantities({}, [parseScale("constructor+1")], procfile), { constructor: 1 });
  });

  test("quantities stay between none and the limit", async () => {
    const below = await refuses("invalid_params", () => changeQuantities({ web: 1 }, [parseScale("web-2")], procfile));
    assert.is(below.message, "web cannot have -1 processes.");
    const above = await refuses("invalid_params", () => changeQuantities({}, [parseScale("web=101")], procfile));
    assert.is(above.message, "web cannot have more than 100 processes.");
    assert.equal(changeQuantities({}, [parseScale("web=3")], procfile, 3), { web: 3 });
    await refuses("invalid_params", () => changeQuantities({}, [parseScale("web=4")], procfile, 3));
  });

  test("an unknown type is refused with those that exist", async () => {
    const error = await refuses("not_found", () => changeQuantities({}, [parseScale("wrker=1")], procfile));
    assert.is(error.message, `Couldn't find the process type "wrker".`);
    assert.is(error.hint, "The app has: constructor, my-job_2, web, worker.");
    await refuses("not_found", () => changeQuantities({}, [parseScale("release=1")], procfile));
    const none = await refuses("not_found", () => changeQuantities({}, [parseScale("web=1")], new Map()));
    assert.is(none.message, "The app has no process types yet.");
  });

  test("names sort by type and then by number", () => {
    const names = ["worker.1", "web.10", "web.2", "web.1"].map((text) => parseDynoName(text)!);
    assert.equal(names.sort(compareDynoNames).map(formatDynoName), ["web.1", "web.2", "web.10", "worker.1"]);
    for (const text of ["web", "web.0", "web.01", ".1", "web.1.2", "web.x", "web.-1"]) {
      assert.is(parseDynoName(text), undefined, text);
    }
  });

  test("a plan has the dynos of declared types, never the release phase", () => {
    const plan = plannedDynos(procfile, { web: 2, worker: 1, release: 1, gone: 3 });
    assert.equal(plan.map(formatDynoName), ["web.1", "web.2", "worker.1"]);
    assert.equal(firstQuantities(procfile), { web: 1 });
    assert.equal(firstQuantities(parseProcfile("worker: b\n")), {});
  });
});
