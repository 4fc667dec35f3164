/** Words on their way to a shell of the platform: a real shell reads them back. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { shellCommand } from "../../src/cli/shell-words.ts";
import { describe } from "../support/suite.ts";

describe("shell words", (test) => {
  test("one word is a command line; several stay the words that they are", () => {
    assert.is(shellCommand(["node x.js | wc -l"]), "node x.js | wc -l");
    assert.is(shellCommand(["node", "x.js", "--all=1"]), "node x.js --all=1");
    assert.is(shellCommand(["sh", "-c", 'echo "$A"; it\'s']), `sh -c 'echo "$A"; it'\\''s'`);
    assert.is(shellCommand(["echo", "", "a b", "*"]), "echo '' 'a b' '*'");
    assert.is(shellCommand([]), "");
  });

  test("a shell reads back what was written", () => {
    const word = fc.string({ unit: "grapheme-ascii", maxLength: 12 }).map((text) => text.replaceAll("\0", ""));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const read = execFileSync("sh", ["-c", shellCommand(["printf", "%s\\0", ...words])], { encoding: "utf8" });
        assert.equal(read.split("\0").slice(0, -1), words);
      }),
      { numRuns: 30 },
    );
  });
});
