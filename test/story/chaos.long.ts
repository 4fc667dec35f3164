import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { chaos } from "./chaos-lab.ts";

describe("chaos, long", (test) => {
  for (let run = 1; run <= 5; run += 1) {
    const seed = 1 + (Date.now() % 1_000_000) + run;
    test(`forty changes with kills at moments of chance, seed ${String(seed)}`, async (t) => {
      const { kills, lines } = await chaos(t, 40, seed);
      console.log(`${String(lines)} lines; killed ${kills.join(", ")}`);
      assert.ok(kills.length > 10);
    });
  }
}, 600_000);
