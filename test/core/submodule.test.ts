import * as assert from "uvu/assert";
import { parseGitModules, submoduleUrl } from "../../src/core/submodule.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const FETCHED: readonly [url: string, base: string | undefined, from: string][] = [
  ["https://example.com/lib.git", undefined, "https://example.com/lib.git"],
  ["git://example.com/lib", undefined, "git://example.com/lib"],
  ["../lib.git", "https://example.com/team/app.git", "https://example.com/team/lib.git"],
  ["../../lib.git", "https://example.com/team/app.git/", "https://example.com/lib.git"],
  ["./lib.git", "https://example.com/app.git", "https://example.com/app.git/lib.git"],
];

const REFUSED: readonly [url: string | undefined, base: string | undefined, why: string][] = [
  [undefined, undefined, "does not say where it comes from"],
  ["../lib.git", undefined, '"../lib.git" is relative, and a push does not tell to what'],
  ["/srv/lib.git", undefined, "is no address on the network"],
  ["file:///srv/lib.git", undefined, "is no address on the network"],
  ["ext::sh -c id", undefined, "is no address on the network"],
  ["-uhttps://example.com/a", undefined, "is no address on the network"],
  ["ssh://-oProxyCommand=id/a", undefined, "is one of ssh"],
  ["ssh://git@example.com:2222/lib", undefined, "is one of ssh"],
  ["git@example.com:team/lib.git", undefined, "is one of ssh"],
  ["git@localhost:other.git", "https://example.com/app.git", "use https"],
  ["https://example.com/a b", undefined, "is no address on the network"],
  ["../../../../../srv/lib", "https://example.com/app.git", "is no address on the network"],
  ["ftp://ned:secret@example.com/a", undefined, '"ftp://example.com/a" is no address'],
];

describe("submodules", (test) => {
  test("what is fetched, and from where", () => {
    for (const [url, base, from] of FETCHED) assert.is(submoduleUrl("lib", url, base), from, url);
  });

  test("what is not, and why", async () => {
    for (const [url, base, why] of REFUSED) {
      const error = await refuses("invalid_params", async () => submoduleUrl("lib", url, base));
      assert.is(error.message, "The submodule lib cannot be fetched.");
      assert.match(error.hint ?? "", why);
    }
  });

  test("the file .gitmodules, as git lists it", () => {
    const listing =
      "submodule.a.b.path\nvendor/lib/\0submodule.a.b.url\nhttps://example.com/x\0core.path\nx\0submodule.c.path\nc\0";
    assert.equal([...parseGitModules(listing)], [["vendor/lib", "https://example.com/x"]]);
  });
});
