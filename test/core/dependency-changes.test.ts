import * as assert from "uvu/assert";
import { AppError } from "../../src/core/error.ts";
import { compareLockFiles, isLockFile } from "../../src/core/dependency-changes.ts";
import { describe } from "../support/suite.ts";

/** `name from -> to` for each change. */
function changes(path: string, before: string, after: string): string[] {
  return compareLockFiles(path, before, after).map(({ name, from, to }) => `${name} ${from ?? "-"} -> ${to ?? "-"}`);
}

const npm3 = (packages: Record<string, unknown>): string => JSON.stringify({ lockfileVersion: 3, packages });

describe("dependency changes", (test) => {
  test("lock files are known by their names, in any directory", () => {
    for (const path of ["package-lock.json", "a/b/yarn.lock", "Gemfile.lock", "requirements.txt", "go.mod"]) {
      assert.ok(isLockFile(path), path);
    }
    for (const path of ["package.json", "xyarn.lock", "yarn.lock/x", "", "gemfile.lock"]) {
      assert.not.ok(isLockFile(path), path);
    }
  });

  test("package-lock.json, version 3: places, scopes, copies in several versions, workspaces, links", () => {
    const before = npm3({
      "": { name: "app", version: "1.0.0" },
      "node_modules/left-pad": { version: "1.2.0" },
      "node_modules/@a/b": { version: "2.0.0" },
      "node_modules/gone": { version: "3.0.0" },
      "node_modules/x/node_modules/left-pad": { version: "1.3.0" },
      "packages/own": { version: "9.9.9" },
      "node_modules/own": { resolved: "packages/own", link: true },
    });
    const after = npm3({
      "": { name: "app", version: "2.0.0" },
      "node_modules/left-pad": { version: "1.3.0" },
      "node_modules/@a/b": { version: "2.0.1" },
      "node_modules/from-git": { resolved: "git+ssh://git@example.com/x.git#abc" },
      "packages/own": { version: "10.0.0" },
    });
    assert.equal(changes("package-lock.json", before, after), [
      "@a/b 2.0.0 -> 2.0.1",
      "from-git - -> git+ssh://git@example.com/x.git#abc",
      "gone 3.0.0 -> -",
      "left-pad 1.2.0, 1.3.0 -> 1.3.0",
    ]);
    assert.equal(changes("package-lock.json", before, before), []);
  });

  test("package-lock.json, versions 1 and 2, against each other", () => {
    const one = JSON.stringify({
      lockfileVersion: 1,
      dependencies: { a: { version: "1.0.0", dependencies: { b: { version: "0.1.0" } } }, b: { version: "0.2.0" } },
    });
    const two = JSON.stringify({
      lockfileVersion: 2,
      packages: {
        "node_modules/a": { version: "1.0.0" },
        "node_modules/a/node_modules/b": { version: "0.1.0" },
        "node_modules/b": { version: "0.2.0" },
      },
      dependencies: { ignored: { version: "1.0.0" } },
    });
    assert.equal(changes("package-lock.json", one, two), []);
    assert.equal(changes("npm-shrinkwrap.json", "", one), ["a - -> 1.0.0", "b - -> 0.1.0, 0.2.0"]);
  });

  test("names that plain objects lose are kept", () => {
    const text =
      '{"packages":{"node_modules/__proto__":{"version":"1.0.0"},"node_modules/constructor":{"version":"2"}}}';
    assert.equal(changes("package-lock.json", "", text), ["__proto__ - -> 1.0.0", "constructor - -> 2"]);
  });

  test("what is no lock file is refused, however it is broken", () => {
    const deep = `{"dependencies":${'{"a":{"dependencies":'.repeat(5000)}{}${"}}".repeat(5000)}}`;
    for (const text of ["{", "[]", "null", "7", deep]) {
      assert.throws(
        () => compareLockFiles("package-lock.json", "", text),
        (error: unknown) => error instanceof AppError && error.id === "invalid_params",
        text.slice(0, 20),
      );
    }
    for (const text of ["{}", '{"packages":{"node_modules/a":null}}', '{"dependencies":{"a":7}}', "", "\n"]) {
      assert.equal(changes("package-lock.json", "", text), [], text);
    }
  });

  test("yarn.lock, of Yarn 1 and of Yarn 4", () => {
    const one =
      '# yarn lockfile v1\n\n\n"@babel/core@^7.0.0", "@babel/core@^7.1.0":\n  version "7.1.2"\n  resolved "https://…"\n' +
      '  dependencies:\n    version "^9.9.9"\n\nleft-pad@^1.0.0:\n  version "1.3.0"\r\n';
    const four =
      '__metadata:\n  version: 8\n  cacheKey: 10\n\n"@babel/core@npm:^7.0.0":\n  version: 7.2.0\n  resolution: "@babel/core@npm:7.2.0"\n\n' +
      '"app@workspace:.":\n  version: 0.0.0-use.local\n\n"left-pad@npm:^1.0.0, left-pad@npm:^1.3.0":\n  version: 1.3.0\n';
    assert.equal(changes("yarn.lock", one, four), ["@babel/core 7.1.2 -> 7.2.0"]);
    assert.equal(changes("yarn.lock", "", one), ["@babel/core - -> 7.1.2", "left-pad - -> 1.3.0"]);
  });

  test("Gemfile.lock: gems below specs, not what they need, not what the app asks for", () => {
    const text =
      "GIT\n  remote: https://example.com/x.git\n  revision: abc\n  specs:\n    mine (0.1)\n\n" +
      "GEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.15.4-x86_64-linux)\n      racc (~> 1.4)\n    rack (2.2.3)\n\n" +
      "PLATFORMS\n  ruby\n\nDEPENDENCIES\n  rack (~> 2.0)\n    odd (9.9)\n\nBUNDLED WITH\n   2.4.10\n";
    assert.equal(changes("Gemfile.lock", text, text.replace("rack (2.2.3)", "rack (3.0.0)")), ["rack 2.2.3 -> 3.0.0"]);
    assert.equal(changes("Gemfile.lock", "", text), [
      "mine - -> 0.1",
      "nokogiri - -> 1.15.4-x86_64-linux",
      "rack - -> 2.2.3",
    ]);
  });

  test("requirements.txt: pins, ranges, extras, markers, hashes, options", () => {
    const text =
      "# comment\n-r base.txt\n--index-url https://example.com\nDjango==4.2.1 ; python_version > '3.8'\n" +
      "zope.interface[test]==5.0 \\\n    --hash=sha256:abc\nrequests>=2.0,<3 # why\nplain\nhttps://example.com/x.whl\n./local\n";
    assert.equal(changes("requirements.txt", "", text), [
      "django - -> 4.2.1",
      "plain - -> ",
      "requests - -> >=2.0,<3",
      "zope-interface - -> 5.0",
    ]);
    assert.equal(changes("requirements.txt", "zope_interface==5.0\n", "Zope.Interface===5.0\n"), []);
  });

  test("go.mod: require, alone and in blocks", () => {
    const text =
      "module example.com/app\n\ngo 1.21\n\nrequire golang.org/x/net v0.1.0 // indirect\n\nrequire (\n\tgithub.com/a/b v1.2.3\n" +
      '\t"github.com/c/d" v0.0.0-20230101000000-abcdefabcdef // indirect\n)\n\nreplace github.com/a/b v1.2.3 => ../b\nexclude (\n\tx.y/z v9.0.0\n)\n';
    assert.equal(changes("go.mod", "", text), [
      "github.com/a/b - -> v1.2.3",
      "github.com/c/d - -> v0.0.0-20230101000000-abcdefabcdef",
      "golang.org/x/net - -> v0.1.0",
    ]);
  });
});
