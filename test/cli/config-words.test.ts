import { execFileSync } from "node:child_process";
import * as assert from "uvu/assert";
import { formatEcho, formatShellVars, formatVars } from "../../src/cli/config-words.ts";
import { describe } from "../support/suite.ts";

describe("config words", (test) => {
  test("lists sorted and aligned, every value on one line", () => {
    assert.is(formatVars({ LONGER: "b\nc", A: "x".repeat(50) }), `A      => ${"x".repeat(50)}\nLONGER => b\\nc\n`);
    assert.is(formatVars({}), "");
  });

  test("the echo is indented and shortens what is long", () => {
    assert.is(formatEcho({ FOO: "baz" }), "  FOO => baz\n");
    assert.is(formatEcho({ FOO: "y".repeat(35) }), `  FOO => ${"y".repeat(35)}\n`);
    assert.is(
      formatEcho({ KEY: `${"a".repeat(20)}${"z".repeat(20)}` }),
      `  KEY => ${"a".repeat(16)}...${"z".repeat(16)}\n`,
    );
  });

  test("a shell reads back every value unchanged", () => {
    const vars = { A: "plain", B: "it's", C: "two\nlines", D: '$HOME `id` \\ "', E: "", F: "*? ~" };
    const script = `${formatShellVars(vars)}for n in A B C D E F; do eval "printf '%s\\0' \\"\\$$n\\""; done`;
    const read = execFileSync("sh", ["-c", script], { env: {}, encoding: "utf8" });
    assert.equal(read.split("\0").slice(0, -1), Object.values(vars));
  });
});
