/** When traffic moves to the web processes of a new release. */
import * as assert from "uvu/assert";
import type { DynoState } from "../../src/core/dyno.ts";
import { nextSwitch, worthKeeping } from "../../src/core/web-switch.ts";
import type { NewWeb, OldWeb } from "../../src/core/web-switch.ts";
import { describe } from "../support/suite.ts";

const web = (state: DynoState, wasUp = state === "up"): NewWeb => ({ state, wasUp });
const SERVING = [{ serves: true }];
const old = (release: number, is: "serving" | "booting" | "crashed"): OldWeb => ({
  release,
  serves: is === "serving",
  boots: is === "booting",
});

describe("web switch", (test) => {
  test("waits until all have left starting and one is up", () => {
    assert.is(nextSwitch("booting", [web("starting"), web("starting")], SERVING), "booting");
    assert.is(nextSwitch("booting", [web("up"), web("starting")], SERVING), "booting");
    assert.is(nextSwitch("booting", [web("up"), web("up")], SERVING), "none");
    assert.is(nextSwitch("booting", [web("up"), web("crashed", true)], SERVING), "none");
  });

  test("is abandoned when one ends before it was healthy", () => {
    assert.is(nextSwitch("booting", [web("up"), web("crashed")], SERVING), "abandoned");
    assert.is(nextSwitch("booting", [web("starting"), web("crashed")], SERVING), "abandoned");
    assert.is(nextSwitch("booting", [web("crashed", true)], SERVING), "abandoned");
  });

  test("an abandoned switch is made when any is up", () => {
    assert.is(nextSwitch("abandoned", [web("crashed"), web("starting")], SERVING), "abandoned");
    assert.is(nextSwitch("abandoned", [web("crashed"), web("up")], SERVING), "none");
  });

  test("nothing old, or nothing new, leaves nothing to wait for", () => {
    assert.is(nextSwitch("booting", [web("starting")], []), "none");
    assert.is(nextSwitch("booting", [], SERVING), "none");
    assert.is(nextSwitch("none", [web("starting")], SERVING), "none");
  });

  test("with old ones of which none serves it is made for the first that is up", () => {
    const booting = [{ serves: false }];
    assert.is(nextSwitch("booting", [web("up"), web("starting")], booting), "none");
    assert.is(nextSwitch("booting", [web("up"), web("crashed")], booting), "none");
    assert.is(nextSwitch("booting", [web("crashed")], booting), "abandoned");
    assert.is(nextSwitch("abandoned", [web("starting")], booting), "abandoned");
  });

  test("what serves is worth keeping, and where nothing does the oldest that may come to", () => {
    const cases: [OldWeb[], number[]][] = [
      [[], []],
      [[old(1, "serving"), old(1, "booting"), old(2, "booting")], [1]],
      [
        [old(3, "booting"), old(2, "booting"), old(2, "booting"), old(1, "crashed")],
        [2, 2],
      ],
      [[old(1, "crashed"), old(2, "crashed")], []],
    ];
    for (const [all, kept] of cases)
      assert.equal(
        worthKeeping(all).map(({ release }) => release),
        kept,
      );
  });
});
