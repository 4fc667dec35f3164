/** The Range header: its spellings, and what it picks of a list. */
import * as assert from "uvu/assert";
import { parseRange, pickRange } from "../../src/core/list-range.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const LIST = ["c", "a", "e", "b", "d"].map((name, index) => ({ name, n: [10, 9, 100, 2, 1][index], deep: {} }));

const namesOf = (header: string): { names: string; next: string | undefined } => {
  const { items, next } = pickRange(LIST, parseRange(header));
  return { names: items.map(({ name }) => name).join(""), next };
};

describe("list range", (test) => {
  test("every spelling of the clients", () => {
    const plain = { key: undefined, max: 200, order: "asc", from: undefined, to: undefined, isAfter: false };
    const whole = { ...plain, key: "version" };
    const last = { ...whole, max: 15, order: "desc" };
    const spellings: [string | undefined, object][] = [
      [undefined, plain],
      ["", plain],
      ["version ..", whole],
      ["id ..;", { ...plain, key: "id" }],
      ["version ..; max=15, order=desc", last],
      ["version ..; max=15; order=desc", last],
      ["version ..; order=desc,max=15", last],
      ["version ..;order=desc;max=15;", last],
      ["id ..; max=1000;", { ...plain, key: "id", max: 1000 }],
      ["version 5..9; max=15", { ...whole, max: 15, from: "5", to: "9" }],
      ["version v5..", { ...whole, from: "v5" }],
      ["version ..; max=99999", { ...whole, max: 1000 }],
      ["version ..; max=0", { ...whole, max: 1 }],
      ["max=10", { ...plain, max: 10 }],
      ["order=desc,max=10;", { ...plain, max: 10, order: "desc" }],
      ["id ]01234567-89ab..; max=10", { ...plain, key: "id", from: "01234567-89ab", isAfter: true, max: 10 }],
      [
        "hostname ]a.example.com..z.example.com",
        { ...plain, key: "hostname", from: "a.example.com", to: "z.example.com", isAfter: true },
      ],
      ["updated_at 2026-11-20T10:00:00Z..", { ...plain, key: "updated_at", from: "2026-11-20T10:00:00Z" }],
    ];
    for (const [text, expected] of spellings) assert.equal(parseRange(text), expected, text);
  });

  test("what is no range is refused", async () => {
    for (const text of ["bytes=0-10", "version ..; max=x", "version ..; order=up", "version ..; limit=5", "a b c"])
      await refuses("requested_range_not_satisfiable", () => parseRange(text));
  });

  test("picks a sorted part, and tells how to go on", () => {
    const cases: [header: string, names: string, next?: string][] = [
      ["name ..", "abcde"],
      ["name ..; order=desc", "edcba"],
      ["name ..; max=2", "ab", "name ]b..; max=2, order=asc"],
      ["name ]b..; max=2, order=asc", "cd", "name ]d..; max=2, order=asc"],
      ["name ]d..; max=2, order=asc", "e"],
      ["name ..; max=3, order=desc", "edc", "name ]c..; max=3, order=desc"],
      ["name ]c..; max=3, order=desc", "ba"],
      ["name b..d", "bcd"],
      ["name d..b; order=desc", "dcb"],
      ["name ..c; max=1", "a", "name ]a..c; max=1, order=asc"],
      ["name x..", ""],
      ["n ..", "dbace"],
      ["n 9..50", "ac"],
      ["n ]9..; max=1", "c", "n ]10..; max=1, order=asc"],
      ["max=2", "caebd"],
    ];
    for (const [header, names, next] of cases) assert.equal(namesOf(header), { names, next }, header);
    assert.is(pickRange(LIST, parseRange("name b..d")).content, "name b..d");
    assert.equal(pickRange([], parseRange("nosuch ..")), { items: [], content: undefined, next: undefined });
  });

  test("what no list can be sorted by is refused, with what it can", async () => {
    for (const key of ["nosuch", "deep"]) {
      const { hint } = await refuses("requested_range_not_satisfiable", () => pickRange(LIST, parseRange(`${key} ..`)));
      assert.is(hint, "It has name, n.");
    }
  });
});
