import * as assert from "uvu/assert";
import fc from "fast-check";
import { isAppName, makeAppName, parseAppName } from "../../src/core/app-name.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

describe("app name", (test) => {
  test("three to thirty small letters, digits and dashes", () => {
    for (const name of ["abc", "a1-", `a${"-".repeat(28)}`]) assert.is(isAppName(name), !name.endsWith("-"), name);
    for (const name of ["foobaz", "a--b", "a0z", `a${"b".repeat(29)}`]) assert.is(parseAppName(name), name);
  });

  test("what could leave its directory, host name or line is refused", async () => {
    const bad = ["", "ab", "Abc", "1bc", "-bc", "a.b", "a/b", "..", "a b", "abc\n", "äbc", `a${"b".repeat(30)}`];
    for (const name of bad) {
      const error = await refuses("invalid_params", () => parseAppName(name));
      assert.match(error.hint ?? "", "3 to 30");
    }
  });

  test("a long refused name is cut in the message", async () => {
    const { message } = await refuses("invalid_params", () => parseAppName("X".repeat(5000)));
    assert.ok(message.length < 100);
  });

  test("every made-up name is a name", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (number) => {
        assert.ok(isAppName(makeAppName(() => number)));
      }),
    );
  });
});
