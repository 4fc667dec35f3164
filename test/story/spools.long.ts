import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { killUnderOutput } from "./spools-lab.ts";

describe("output and a killed daemon, long", (test) => {
  test("forty kills under four times five thousand lines a second: none lost, none doubled", async (t) => {
    const lines = await killUnderOutput(t, 40);
    console.log(`${String(lines)} lines`);
    assert.ok(lines > 200_000);
  });
}, 600_000);
