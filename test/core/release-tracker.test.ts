import * as assert from "uvu/assert";
import { ReleaseTracker } from "../../src/core/release-tracker.ts";
import { describe } from "../support/suite.ts";

const up = (ps: string, us: number, release: number): Parameters<ReleaseTracker["see"]>[0] => ({
  ps,
  msg: "State changed from starting to up",
  release,
  us,
});

describe("release tracker", (test) => {
  test("a process serves the release that was up last", () => {
    const tracker = new ReleaseTracker([{ us: 5, release: 73 }]);
    for (const line of [up("web.1", 10, 74), up("web.2", 12, 74), up("web.1", 20, 75)]) tracker.see(line);
    const table: [string, number, number][] = [
      ["web.1", 4, 0],
      ["web.1", 9, 73],
      ["web.1", 10, 74],
      ["web.1", 19, 74],
      ["web.1", 25, 75],
      ["web.2", 25, 74],
      ["web.3", 25, 73],
      ["", 25, 73],
    ];
    for (const [ps, us, release] of table) assert.is(tracker.releaseOf(ps, us), release, `${ps} at ${String(us)}`);
  });

  test("without releases in the lines, those that were created count", () => {
    const tracker = new ReleaseTracker();
    tracker.see({ ps: "api", msg: "Release v7 created by ned@foobazco.com", release: 0, us: 10 });
    tracker.see(up("web.1", 12, 0));
    tracker.see({ ps: "api", msg: "Release v8 created by ned@foobazco.com", release: 0, us: 20 });
    tracker.see({ ps: "web.1", msg: "Release v99 created by a liar", release: 0, us: 21 });
    assert.equal([tracker.releaseOf("web.1", 25), tracker.releaseOf("web.2", 25)], [7, 8]);
  });
});
