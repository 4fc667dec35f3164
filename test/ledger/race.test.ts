/** Race harness of the ledger alone, short form. */
import { describe } from "../support/suite.ts";
import { raceLedgers } from "./race-lab.ts";

describe("two processes, one ledger", (test) => {
  test("eighty changes: gapless, each told once, none lost", (t) => raceLedgers(t, 40));
});
