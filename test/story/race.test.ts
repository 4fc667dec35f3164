/** Race harness, short form. */
import { describe } from "../support/suite.ts";
import { race } from "./race-lab.ts";

describe("race of commands, clients and pushes", (test) => {
  test("forty changes: gapless, each told once, none lost, losers told", async (t) => {
    await race(t, { commands: 4, calls: 12, pushes: 4 });
  });
});
