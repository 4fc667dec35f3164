/** When traffic moves to the web processes of a new release. */
import * as assert from "uvu/assert";
import type { DynoState } from "../../src/core/dyno.ts";
import { nextSwitch } from "../../src/core/web-switch.ts";
import type { NewWeb } from "../../src/core/web-switch.ts";
import { describe } from "../support/suite.ts";

const web = (state: DynoState, wasUp = state === "up"): NewWeb => ({ state, wasUp });

describe("web switch", (test) => {
  test("waits until all have left starting and one is up", () => {
    assert.is(nextSwitch("booting", [web("starting"), web("starting")], 1), "booting");
    assert.is(nextSwitch("booting", [web("up"), web("starting")], 1), "booting");
    assert.is(nextSwitch("booting", [web("up"), web("up")], 1), "none");
    assert.is(nextSwitch("booting", [web("up"), web("crashed", true)], 1), "none");
  });

  test("is abandoned when one ends before it was healthy", () => {
    assert.is(nextSwitch("booting", [web("up"), web("crashed")], 1), "abandoned");
    assert.is(nextSwitch("booting", [web("starting"), web("crashed")], 1), "abandoned");
    assert.is(nextSwitch("booting", [web("crashed", true)], 1), "abandoned");
  });

  test("an abandoned switch is made when any is up", () => {
    assert.is(nextSwitch("abandoned", [web("crashed"), web("starting")], 1), "abandoned");
    assert.is(nextSwitch("abandoned", [web("crashed"), web("up")], 1), "none");
  });

  test("nothing old, or nothing new, leaves nothing to wait for", () => {
    assert.is(nextSwitch("booting", [web("starting")], 0), "none");
    assert.is(nextSwitch("booting", [], 1), "none");
    assert.is(nextSwitch("none", [web("starting")], 1), "none");
  });
});
