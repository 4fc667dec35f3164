import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { chaos } from "./chaos-lab.ts";

describe("chaos", (test) => {
  test("five changes with kills at moments of chance: it converges, and no line is lost or doubled", async (t) => {
    const { kills, lines } = await chaos(t, 5, 20_110_619);
    assert.ok(kills.length > 1, kills.join(", "));
    assert.ok(lines > 50, String(lines));
  });
});
