/** Dotenv text against the real dotenv, both of its parsers: what is written is read back, whatever the value. */
import { parse } from "dotenv";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { decodeBase64, formatDotenv, scanDotenv } from "../../src/core/dotenv-text.ts";
import { refuses } from "../support/assert.ts";
import { nastyVars } from "../support/nasty-vars.ts";
import { describe } from "../support/suite.ts";

/** Whether dotenv has any form for the value that does whatever stands around it, by trying all forms there are. */
function hasForm(text: string): boolean {
  const escaped = text.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
  const forms = [text, `'${text}'`, `"${text}"`, `\`${text}\``, `"${text.replaceAll("\r", "\\r")}"`, `"${escaped}"`];
  return forms.some((form) => {
    const whole = `Z=1\nA=${form}\nY='"\n\`\n'\nX="'\n\`\n"\n`;
    const expected = { Z: "1", A: text, Y: '"\n`\n', X: "'\n`\n" };
    return [parse(whole), parse(whole, { fast: true })].every(
      (found) => JSON.stringify(found) === JSON.stringify(expected),
    );
  });
}

/** The rarest of forms are not worth their rules. */
function mustBeBase64(text: string): boolean {
  return !hasForm(text) || /\\$|[\u2028\u2029]/.test(text);
}

describe("dotenv text", (test) => {
  test("dotenv gives back exactly what was written; base64 only where it must be", () => {
    fc.assert(
      fc.property(nastyVars, (before) => {
        const text = formatDotenv(before);
        const entries = scanDotenv(text);
        assert.equal(
          entries.map((entry) => entry.name),
          Object.keys(before).sort(),
        );
        for (const read of [parse(text), parse(text, { fast: true })]) {
          for (const { name: key, isBase64 } of entries) {
            const found = read[key] ?? "";
            assert.is(isBase64 ? decodeBase64(found) : found, before[key]);
            if (isBase64) assert.ok(mustBeBase64(before[key] ?? ""), JSON.stringify(before[key]));
          }
        }
      }),
      { numRuns: 5000 },
    );
  });

  test("each entry alone means what it means in the whole text", () => {
    fc.assert(
      fc.property(nastyVars, (before) => {
        const text = formatDotenv(before);
        for (const { name: key, source } of scanDotenv(text)) assert.is(parse(source)[key], parse(text)[key]);
      }),
      { numRuns: 1000 },
    );
  });

  test("the plainest form that does", () => {
    const written = {
      A: "baz",
      B: "",
      C: "two words",
      D: "it's",
      E: `it's "so"`,
      F: "a\nb",
      G: "a\r\nb",
      H: "C:\\dir\\",
      I: `a'b"c\`d`,
      J: `{\r\n  "a": 1\r\n}`,
      K: "# no comment",
      L: `{"key": "a\\nb"}`,
      M: `{\r\n"key": "a\\nb"}`,
    };
    assert.is(
      formatDotenv(written),
      [
        "A=baz",
        "B=''",
        "C='two words'",
        `D="it's"`,
        'E=`it\'s "so"`',
        "F='a\nb'",
        'G="a\\r\nb"',
        "H=C:\\dir\\",
        `I=a'b"c\`d`,
        `J="{\\r\\n  "a": 1\\r\\n}"`,
        "K='# no comment'",
        `L='{"key": "a\\nb"}'`,
        `M='${Buffer.from(written.M).toString("base64")}' # git-heroku:base64`,
        "",
      ].join("\n"),
    );
  });

  test("takes what people write apart, line by line", () => {
    const text = [
      "\ufeff# a comment\r\n\r\n  export A=1\r",
      "B: yaml\n C = spaced # comment\nD='two",
      'lines\' # comment\nE=\nF=a#b\nG="x\ny"\n\tH=`q`\n#I=1\nJ=1',
    ].join("\n");
    assert.equal(
      scanDotenv(text).map((entry) => `${String(entry.line)}:${entry.name}${entry.isCut ? " cut" : ""}`),
      ["3:A", "4:B", "5:C", "6:D", "8:E", "9:F cut", "10:G", "12:H", "14:J"],
    );
    assert.equal(scanDotenv(""), []);
    assert.equal(scanDotenv("\n# nothing\n  "), []);
  });

  test("names the lines that dotenv would pass over, and never quotes them", async () => {
    const error = await refuses("invalid_params", () => scanDotenv("A=1\nsecret\n\nB=2\n- secret\nC='open\n"));
    assert.is(error.message, "Lines 2, 5, 6 are not understood.");
    for (const bad of ["secret", "export A", "=secret", "A='it'\\''s'", 'A="open', "A='x' y"]) {
      const one = await refuses("invalid_params", () => scanDotenv(`\n${bad}\n`));
      assert.is(one.message, "Line 2 is not understood.", bad);
    }
    const many = await refuses("invalid_params", () => scanDotenv("bad\n".repeat(12)));
    assert.is(many.message, "Lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, … are not understood.");
  });

  test("a large value is no trouble", () => {
    const large = `it's ${"x\n".repeat(32_000)}`;
    const text = formatDotenv({ A: large });
    assert.is(scanDotenv(text).length, 1);
    assert.is(parse(text)["A"], large);
  });
});
