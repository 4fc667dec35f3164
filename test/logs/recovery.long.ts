import { describe } from "../support/suite.ts";
import { killKeeper, stopInBatch, storeBatch, storeLoneLines } from "./recovery-lab.ts";

describe("log recovery, long", (test) => {
  test("at two hundred places in a batch", async (t) => stopInBatch(t, 200, await storeBatch(t)));
  test("at two hundred places under a plan that stands", async (t) => stopInBatch(t, 200, await storeLoneLines(t)));
  test("kill -9 of the keeper, forty times under load", (t) => killKeeper(t, 40));
}, 600_000);
