/** The file of marks: what is read, what is passed over, what a reason may be. */
import * as assert from "uvu/assert";
import { changeMark, cleanReason, MARKS_MAX, readMarks, type Mark } from "../../src/core/marks.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const MARK: Mark = { version: 74, reason: "500s on /pay", by: "ned@foobazco.com", at: "2026-11-23T08:35:19Z" };

describe("marks", (test) => {
  test("a mark that was set is read, newest release first, and is gone when it is cleared", () => {
    let stored = changeMark(undefined, 74, MARK);
    stored = changeMark(stored, 120, { ...MARK, version: 120, reason: "slow" });
    assert.equal([...readMarks(stored).keys()], [120, 74]);
    assert.equal(readMarks(stored).get(74), MARK);
    assert.equal([...readMarks(changeMark(stored, 74, undefined)).keys()], [120]);
  });

  test("keys that are not known stay, and count for nothing", () => {
    const stored = { v3: { reason: 1, by: "a", at: "b" }, x: "y", v0: {}, "74": {}, v5: null, __proto__: { v9: {} } };
    assert.is(readMarks(stored).size, 0);
    assert.equal(changeMark(stored, 74, undefined), stored);
    for (const odd of [undefined, null, [], "text", 5]) assert.is(readMarks(odd).size, 0);
  });

  test("a reason is one short line of text", async () => {
    assert.is(cleanReason(" a\n\nChange: state\u0000\u2028b "), "a Change: state b");
    assert.is(Array.from(cleanReason("\u{1F4A3}".repeat(500))).length <= 200, true);
    for (const text of ["", " \n\t", "\u0000"]) await refuses("invalid_params", () => cleanReason(text));
  });

  test("there is a limit, and what is marked already can be marked anew", async () => {
    let stored = changeMark(undefined, 1, { ...MARK, version: 1 });
    for (let version = 2; version <= MARKS_MAX; version += 1)
      stored = changeMark(stored, version, { ...MARK, version });
    await refuses("invalid_params", () => changeMark(stored, MARKS_MAX + 1, MARK));
    assert.is(readMarks(changeMark(stored, 5, { ...MARK, version: 5, reason: "other" })).get(5)?.reason, "other");
  });
});
