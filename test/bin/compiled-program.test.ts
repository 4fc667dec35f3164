/** The programs as they are installed: with V8's cache of them, and without a good one. */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadCompiled } from "../../src/bin/run-compiled.ts";
import { ROOT } from "../support/transcript.ts";
import { describe } from "../support/suite.ts";

const PROGRAMS = join(ROOT, "dist/bin");

describe("a compiled program", (test) => {
  test("has a cache that this Node takes", () => {
    const programs = readdirSync(PROGRAMS).filter((file) => file.endsWith(".program.js"));
    assert.ok(programs.includes("git-heroku.program.js") && programs.includes("platformd.program.js"));
    for (const program of programs) assert.is(loadCompiled(join(PROGRAMS, program)).cachedDataRejected, false, program);
  });

  test("runs without its cache, and with half of it", async (t) => {
    const dir = await t.tempDir();
    cpSync(PROGRAMS, join(dir, "dist/bin"), { recursive: true });
    cpSync(join(ROOT, "package.json"), join(dir, "package.json"));
    const cache = join(dir, "dist/bin/git-heroku.program.js.cache");
    const version = (): string =>
      execFileSync(join(dir, "dist/bin/git-heroku.js"), ["--version"], { encoding: "utf8" });
    truncateSync(cache, 50_000);
    assert.match(version(), /^git-heroku \d/);
    rmSync(cache);
    assert.match(version(), /^git-heroku \d/);
  });
});
