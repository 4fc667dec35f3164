/** How deep a JSON text is, by counting. */
import * as assert from "uvu/assert";
import { isNestedDeeper } from "../../src/core/json-depth.ts";
import { describe } from "../support/suite.ts";

describe("json depth", (test) => {
  test("counts brackets outside of strings", () => {
    const cases: [text: string, max: number, expected: boolean][] = [
      ["", 0, false],
      ["1", 0, false],
      ["[]", 0, true],
      ["[]", 1, false],
      ['[{"a":[]}]', 2, true],
      ['[{"a":[]}]', 3, false],
      ["[[],[],[]]", 2, false],
      ['["[[[["]', 1, false],
      ['["\\"[[["]', 1, false],
      ['["\\\\",[[]]]', 2, true],
      ['"[[', 0, false],
      ['"\\', 0, false],
      ["]]]][[[[", 1, false],
    ];
    for (const [text, max, expected] of cases) assert.is(isNestedDeeper(text, max), expected, `${text} ${String(max)}`);
  });
});
