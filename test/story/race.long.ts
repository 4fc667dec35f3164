/** Race harness, long form. */
import { describe } from "../support/suite.ts";
import { race } from "./race-lab.ts";

describe("race of commands, clients and pushes", (test) => {
  test("five hundred changes: gapless, each told once, none lost, losers told", async (t) => {
    await race(t, { commands: 50, calls: 150, pushes: 50 });
  });
}, 1_800_000);
