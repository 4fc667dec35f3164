/** The patterns of .slugignore. */
import * as assert from "uvu/assert";
import { parseSlugIgnore } from "../../src/core/slug-ignore.ts";
import { describe } from "../support/suite.ts";

const CASES: readonly [pattern: string, ignored: string, kept: string][] = [
  ["docs", "docs docs/a a/docs/b", "docs2 mydocs"],
  ["/docs", "docs docs/a", "a/docs"],
  ["docs/", "docs/a a/docs/b", "docs"],
  ["*.psd", "a.psd art/b.psd", "a.psd2 apsd"],
  ["/*.md", "README.md", "docs/README.md"],
  ["test/fixtures", "test/fixtures/a", "a/test/fixtures test/other"],
  ["a/**/z", "a/z a/b/z a/b/c/z", "z b/z"],
  ["**/log", "log a/log a/b/log/c", "logs"],
  ["a/**", "a/b a/b/c", "a ab"],
  ["?.txt", "a.txt x/b.txt", "ab.txt"],
  ["[ab].js", "a.js b.js", "c.js"],
  ["[!ab].js", "c.js", "a.js"],
  ["\\#a", "#a", "a"],
  ["a+(b).c", "a+(b).c", "aab.c"],
  [".env", ".env x/.env", "xenv .environment"],
];

describe(".slugignore", (test) => {
  for (const [pattern, ignored, kept] of CASES) {
    test(`${pattern} is ${ignored}, not ${kept}`, () => {
      const isIgnored = parseSlugIgnore(`# comment\n\n${pattern}  \r\n`);
      for (const path of ignored.split(" ")) assert.is(isIgnored?.(path), true, path);
      for (const path of kept.split(" ")) assert.is(isIgnored?.(path), false, path);
    });
  }

  test("says nothing without a pattern, and takes nothing back", () => {
    for (const text of ["", "# a\n", "\n \n", "/\n", "!a\n"]) assert.is(parseSlugIgnore(text), undefined);
  });
});
