/** The programs as they are installed: with V8's cache of them, and without a good one. */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ROUTER_NODE_OPTIONS } from "../../src/router/start-router.ts";
import { ROOT } from "../support/transcript.ts";
import { describe } from "../support/suite.ts";

const PROGRAMS = join(ROOT, "dist/bin");

/** V8 takes a cache only with the flags that it was made with, so a Node like the program's own is asked. */
function isCacheRejected(program: string): string {
  const options = program.startsWith("routerd.") ? ROUTER_NODE_OPTIONS : [];
  const ask = "import(process.argv[1]).then((it) => console.log(it.loadCompiled(process.argv[2]).cachedDataRejected))";
  const module = join(ROOT, "dist/src/bin/run-compiled.js");
  return execFileSync(process.execPath, [...options, "-e", ask, module, join(PROGRAMS, program)], { encoding: "utf8" });
}

describe("a compiled program", (test) => {
  test("has a cache that this Node takes", () => {
    const programs = readdirSync(PROGRAMS).filter((file) => file.endsWith(".program.js"));
    assert.ok(programs.includes("git-heroku.program.js") && programs.includes("platformd.program.js"));
    for (const program of programs) assert.is(isCacheRejected(program), "false\n", program);
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
