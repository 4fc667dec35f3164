import * as assert from "uvu/assert";
import fc from "fast-check";
import { changeConfig, CONFIG_BYTES_MAX, INJECTED_NAMES } from "../../src/core/config-vars.ts";
import type { ConfigVars } from "../../src/core/config-vars.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const name = fc.constantFrom("A", "B", "_c", "constructor", "toString", "LONG_NAME_1");
const value = fc
  .string({ unit: "grapheme", maxLength: 8 })
  .filter((text) => !/^encrypted:|\0|\p{Surrogate}/u.test(text));
const vars = fc.dictionary(name, value, { noNullPrototype: true });
const change = fc.dictionary(name, fc.option(value, { nil: null }), { noNullPrototype: true });

const own = (of: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(of, key) ? of[key] : undefined;

describe("config vars", (test) => {
  test("what is reported as changed is exactly what differs", () => {
    fc.assert(
      fc.property(vars, change, (before, wanted) => {
        const result = changeConfig(before, wanted);
        const keys = [...new Set([...Object.keys(before), ...Object.keys(wanted)])].sort();
        assert.equal(
          result.added,
          keys.filter((key) => own(result.vars, key) !== undefined && own(result.vars, key) !== own(before, key)),
        );
        assert.equal(
          result.removed,
          keys.filter((key) => own(before, key) !== undefined && own(result.vars, key) === undefined),
        );
        for (const [key, text] of Object.entries(wanted)) assert.is(own(result.vars, key), text ?? undefined);
      }),
    );
  });

  test("the same change again is no change", () => {
    fc.assert(
      fc.property(vars, change, (before, wanted) => {
        const once = changeConfig(before, wanted);
        const twice = changeConfig(once.vars, wanted);
        assert.equal(twice, { vars: once.vars, added: [], removed: [] });
      }),
    );
  });

  test("variables come out sorted by name", () => {
    assert.equal(Object.keys(changeConfig({ B: "1" }, { A: "1", C: "1" }).vars), ["A", "B", "C"]);
  });

  test("names that the platform sets, or that nothing can carry, are refused", async () => {
    for (const bad of ["", "1A", "A-B", "A B", "A=B", "ä", "A\n", ...INJECTED_NAMES, "DOTENV_KEY"])
      await refuses("invalid_params", () => changeConfig({}, { [bad]: "x" }));
    await refuses("invalid_params", () => changeConfig({}, JSON.parse('{"__proto__":"x"}') as ConfigVars));
    assert.equal(changeConfig({}, { HEROKU_POSTGRESQL_PINK_URL: "x" }).added, ["HEROKU_POSTGRESQL_PINK_URL"]);
  });

  test("values that no environment or ledger line can hold are refused, and never shown", async () => {
    for (const bad of ["sec\0ret", "encrypted:secret", "secret\ud800"]) {
      const error = await refuses("invalid_params", () => changeConfig({}, { A: bad }));
      assert.not.match(error.message, "secret");
    }
  });

  test("the whole may have 64 KiB, counted as bytes", async () => {
    const largest = "x".repeat(CONFIG_BYTES_MAX - 1);
    assert.equal(changeConfig({}, { A: largest }).added, ["A"]);
    await refuses("invalid_params", () => changeConfig({}, { A: `${largest}x` }));
    await refuses("invalid_params", () => changeConfig({ A: largest }, { B: "" }));
    await refuses("invalid_params", () => changeConfig({}, { A: "ä".repeat(CONFIG_BYTES_MAX / 2) }));
    assert.equal(changeConfig({ A: largest }, { A: null, B: largest }).removed, ["A"], "as it is afterwards");
  });
});
