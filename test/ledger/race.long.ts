/** Race harness of the ledger alone, long form. */
import { describe } from "../support/suite.ts";
import { raceLedgers } from "./race-lab.ts";

describe("two processes, one ledger", (test) => {
  test("six hundred changes: gapless, each told once, none lost", (t) => raceLedgers(t, 300));
}, 600_000);
