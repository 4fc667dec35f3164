import * as assert from "uvu/assert";
import fc from "fast-check";
import { formatJson, type Json } from "../../src/core/json.ts";
import { describe } from "../support/suite.ts";

describe("json", (test) => {
  test("sorted keys at every level, two spaces, a final newline", () => {
    assert.is(
      formatJson({ b: [{ d: 1, c: null }], a: "x" }),
      '{\n  "a": "x",\n  "b": [\n    {\n      "c": null,\n      "d": 1\n    }\n  ]\n}\n',
    );
    assert.is(formatJson({}), "{}\n");
  });

  test("equal facts are equal bytes, whatever order they were written in", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), fc.jsonValue()), {
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(entries, (pairs) => {
        const one = formatJson(Object.fromEntries(pairs) as Json);
        assert.is(formatJson(Object.fromEntries(pairs.toReversed()) as Json), one);
        assert.is(formatJson(JSON.parse(one) as Json), one);
      }),
    );
  });

  test("a key called __proto__ is a key", () => {
    assert.is(formatJson(JSON.parse('{"__proto__":1,"a":2}') as Json), '{\n  "__proto__": 1,\n  "a": 2\n}\n');
  });
});
