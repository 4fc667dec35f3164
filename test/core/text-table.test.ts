import * as assert from "uvu/assert";
import { compareDynoNames, cut, formatDynoTable, formatReleaseTable, pad } from "../../src/core/text-table.ts";
import { describe } from "../support/suite.ts";

describe("text table", (test) => {
  test("prints ps as the 2011 client did, byte for byte", () => {
    const rows = [
      { name: "worker.1", state: "starting for 3s", command: "bundle exec rake jobs:work" },
      { name: "web.1", state: "crashed for 4s", command: "bundle exec thin start -p $PORT -e production" },
    ];
    assert.is(
      formatDynoTable(rows),
      "Process       State               Command\n" +
        "------------  ------------------  ------------------------------\n" +
        "web.1         crashed for 4s      bundle exec thin start -p $PORT -e..\n" +
        "worker.1      starting for 3s     bundle exec rake jobs:work\n",
    );
  });

  test("prints releases as the 2011 client did, byte for byte", () => {
    const rows = [
      { version: "v76", change: "Deploy d706b4a", by: "ned@foobazco.com", when: "1 minute ago" },
      { version: "v1234", change: "x".repeat(31), by: "a-very-long-name@foobazco.com", when: "2011-06-18T08:21:37Z" },
    ];
    assert.is(
      formatReleaseTable(rows),
      "Rel   Change                          By                    When\n" +
        "----  ----------------------          ----------            ----------\n" +
        "v76   Deploy d706b4a                  ned@foobazco.com      1 minute ago\n" +
        "v1234  xxxxxxxxxxxxxxxxxxxxxxxxxxxx..  a-very-long-name@f..  2011-06-18T08:21:37Z\n",
    );
  });

  test("without rows there is still a header", () => {
    assert.is(formatDynoTable([]).split("\n").length, 3);
    assert.is(formatReleaseTable([]).split("\n").length, 3);
  });

  test("sorts by type, then by number", () => {
    const names = ["worker.1", "web.10", "web.2", "web.1", "clock.1"];
    assert.equal(names.sort(compareDynoNames), ["clock.1", "web.1", "web.2", "web.10", "worker.1"]);
  });

  test("cuts at the width itself, counting characters", () => {
    assert.is(cut("x".repeat(36), 36), "x".repeat(36));
    assert.is(cut("x".repeat(37), 36), `${"x".repeat(34)}..`);
    assert.is(cut("🚀🚀🚀🚀", 3), "🚀..");
    assert.is(pad("é", 3), "é  ");
    assert.is(pad("long", 3), "long");
  });
});
