/** Config vars as a shell reads them. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { formatShellVars } from "../../src/cli/config-words.ts";
import { scanShell } from "../../src/core/shell-text.ts";
import { describe } from "../support/suite.ts";
import { nastyVars } from "../support/nasty-vars.ts";

/** By the rules of Heroku's client: single quotes, or double ones where a quote or a line end is within. */
function asHeroku(value: string): string {
  if (!/["\s#!$&'()*,:;<=>?@[\\\]^`{|}]/.test(value)) return value;
  if (!/['\n]/.test(value)) return `'${value}'`;
  return `"${value.replace(/["\\$`!]/g, (character) => `\\${character}`).replaceAll("\n", "\\n")}"`;
}

function read(text: string): Record<string, string> {
  return Object.fromEntries(scanShell(text).map(({ name, value }) => [name, value]));
}

describe("shell text", (test) => {
  test("what `config --shell` and what Heroku's client print, value for value", () => {
    fc.assert(
      fc.property(nastyVars, (vars) => {
        assert.equal(read(formatShellVars(vars)), vars);
        const lines = Object.entries(vars).map(([name, value]) => `${name}=${asHeroku(value)}\n`);
        assert.equal(read(lines.join("")), vars);
      }),
    );
  });

  test("what a person writes is read as sh reads it", () => {
    const lines = [
      "A=plain",
      "export B='two words'",
      `C="it's \\"so\\" \\$5"`,
      "D='a'\\''b'\"c\"d",
      "E=",
      "F=a\\ b#c",
      "G='x\ny'",
    ];
    const text = `# a comment\n\n${lines.join("\n")}  \n`;
    const names = ["A", "B", "C", "D", "E", "F", "G"];
    const script = `${text}for n in ${names.join(" ")}; do eval "printf '%s\\0' \\"\\$$n\\""; done`;
    const values = execFileSync("sh", ["-c", script], { env: {}, encoding: "utf8" }).split("\0").slice(0, -1);
    assert.equal(read(text), Object.fromEntries(names.map((name, index) => [name, values[index]])));
    assert.equal(
      scanShell(text).map(({ line }) => line),
      [3, 4, 5, 6, 7, 8, 9],
    );
  });

  test("what a shell would expand, run, or not see the end of is refused by line", () => {
    for (const line of [
      "A=$HOME",
      'A="$HOME"',
      "A=`id`",
      "A=$(id)",
      "A=a b",
      "A='x",
      'A="x',
      "A=a;id",
      "A=a&",
      "rm x",
      "A=<b",
    ]) {
      assert.throws(
        () => scanShell(`OK=1\n${line}\n`),
        (error: Error) => error.message.startsWith("Line 2 is not understood"),
        line,
      );
    }
  });
});
