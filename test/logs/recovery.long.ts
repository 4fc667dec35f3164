import { describe } from "../support/suite.ts";
import { killKeeper, stopInBatch } from "./recovery-lab.ts";

describe("log recovery, long", (test) => {
  test("at two hundred places in a batch", (t) => stopInBatch(t, 200));
  test("kill -9 of the keeper, forty times under load", (t) => killKeeper(t, 40));
}, 600_000);
