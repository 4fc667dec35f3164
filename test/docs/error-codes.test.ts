/** The pages about errors against the code: every code there is has its row, every limit its default. */
import * as assert from "uvu/assert";
import { ERROR_NAMES } from "../../src/core/error-codes.ts";
import { parseSettingName, SETTINGS } from "../../src/core/settings.ts";
import { FAILURES } from "../../src/router/failure.ts";
import { describe } from "../support/suite.ts";
import { codeIn, readPage, tableUnder } from "./markdown.ts";

const ERRORS = await readPage("docs/error-codes.md");
const ROUTING = await readPage("docs/routing.md");

/** Those of devcenter.heroku.com/articles/error-codes. */
const HEROKU = {
  H: [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 80, 81, 82, 83, 99],
  R: [10, 11, 12, 13, 14, 15, 16, 17, 99],
  L: [10, 11, 12, 13, 14, 15],
};

const numbered = Object.entries(HEROKU).flatMap(([kind, numbers]) =>
  numbers.map((number) => `${kind}${String(number)}`),
);
const failures = Object.values(FAILURES).filter(({ code }) => code !== undefined);

/** `30 s for the first byte …` begins as the setting's default is written. */
function defaultIn(cell: string): string {
  const [, number = "", unit = ""] = /(\d[\d,]*)(?: (ms|s)\b)?/.exec(cell) ?? [];
  return number.replace(",", "") + unit;
}

describe("docs: error codes", (test) => {
  test("each failure of a request is in the router's table, with its words and status", () => {
    const rows = tableUnder(ROUTING, /\| code +\| desc/).map(([code, desc, status]) => [
      code,
      desc,
      status?.split(/[ ,]/)[0],
    ]);
    const expected = failures.map(({ code, desc, status }) => [code, desc, String(status)]);
    assert.equal(rows, expected);
  });

  test("each code of processes and logs is in its table, with its name", () => {
    const rows = ["## Logs", "## Processes"].flatMap((title) =>
      tableUnder(ERRORS.slice(ERRORS.indexOf(title)), /\| code \| name/),
    );
    assert.equal(
      rows.map(([code, name]) => [code, name]),
      Object.entries(ERROR_NAMES).map(([code, name]) => [code, name ?? ""]),
    );
    for (const name of rows.flatMap(([, , , settings = ""]) => codeIn(settings))) parseSettingName(name);
  });

  test("every code of Heroku's occurs here, or it is said why not", () => {
    const absent = tableUnder(ERRORS, /\| code \| why/).map(([code = "", why = ""]) => (why === "" ? "" : code));
    const ours = [...failures.map(({ code }) => String(code)), ...Object.keys(ERROR_NAMES)];
    assert.equal([...ours, ...absent].sort(), numbered.sort());
  });

  test("limits have the defaults that the pages give", () => {
    const rows = [
      ...tableUnder(ERRORS, /\| code \| is over/).map(([, limit = "", setting = ""]) => [setting, limit] as const),
      ...tableUnder(ROUTING, /\| what +\| limit/).map(([, limit = "", setting = ""]) => [setting, limit] as const),
    ].filter(([setting]) => setting.startsWith("`") && !setting.includes("="));
    const told = rows.map(([setting, limit]) => [setting.replaceAll("`", ""), defaultIn(limit)]);
    assert.ok(told.length > 10);
    for (const [name = "", text] of told) assert.is(SETTINGS[parseSettingName(name)].default, text, name);
  });
});
