/** A release of production on the developer's machine, beside it: its code, its config, its dependencies. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import { deployFixture, must, platformClient } from "../support/deploy.ts";
import { LocalProgram, type Program } from "../support/local-lab.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";

const WEB = `const { createServer } = require("node:http");
const { COLOUR, SIZE, HEROKU_RELEASE_VERSION: version, PS, DYNO } = process.env;
const words = require("words");
createServer((request, response) => response.end([words, COLOUR, SIZE, version, PS, DYNO].join(" ")))
  .listen(process.env.PORT, () => console.log("listening on " + process.env.PORT));
`;

/** Not to be found by the processes that a platform owns. */
async function guardsOf(tmp: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return pids
    .filter((_, index) => /git-heroku-guard/.test(commands[index] ?? "") && commands[index]?.includes(tmp))
    .map(Number);
}

async function twoReleases(platform: TestPlatform): Promise<string> {
  const clone = await deployFixture(platform, "hello", "foobaz");
  await mkdir(join(clone, "words"));
  await writeFile(join(clone, "words", "index.js"), 'module.exports = "words of a package";\n');
  await writeFile(join(clone, "words", "package.json"), '{"name":"words","version":"1.0.0"}\n');
  await writeFile(join(clone, "package.json"), '{"name":"foobaz","dependencies":{"words":"file:./words"}}\n');
  await writeFile(join(clone, "web.js"), WEB);
  await must(platform, clone, "add", ".");
  await must(platform, clone, "commit", "-qm", "Words");
  await must(platform, clone, "push", "-q", "production", "main");
  const client = platformClient(platform);
  await client.changeConfig("foobaz", { COLOUR: "red", SIZE: "xl" });
  await client.changeConfig("foobaz", { COLOUR: "blue" });
  return clone;
}

describe("local release", (test) => {
  test.needing(
    process.platform === "linux" ? undefined : "/proc",
    "runs beside production, leaves nothing behind",
    async (t) => {
      const platform = await startPlatform(t);
      const cwd = await twoReleases(platform);
      const tmp = join(platform.dir, "tmp");
      await mkdir(tmp);
      const stage: Program = { cwd, env: { ...platform.env, TMPDIR: tmp } };
      await writeFile(join(cwd, ".env.here"), "SIZE=s\n");

      // The ledger was not fetched yet, and v4 is no longer what runs.
      const old = new LocalProgram(stage, ["local", "--release", "v4", "web", "-e", ".env.here", "-p", "18800"]);
      await old.until("listening on 18800");
      assert.match(old.output, "-----> Running v4 of foobaz here: Config add COLOUR, SIZE\n");
      assert.match(old.output, "Config vars of v4: COLOUR, SIZE\n");
      assert.is(/\bred\b|\bxl\b/.test(old.output), false, "values are not shown");
      const answer = await (await fetch("http://127.0.0.1:18800/")).text();
      assert.is(answer, "words of a package red s v4 web.1 ");
      assert.is(await valuesOnDisk(tmp), false, "values are not written");
      old.kill("SIGINT");
      assert.is(await old.ended, 130);
      assert.equal(await readdir(tmp), []);

      // Killed together with its guard: the next run clears up.
      const killed = new LocalProgram(stage, ["local", "--release", "v2", "worker", "-p", "18800"]);
      await killed.until("Worker ready");
      for (const pid of await guardsOf(tmp)) process.kill(pid, "SIGKILL");
      killed.kill("SIGKILL");
      await killed.ended;
      const [left = ""] = await readdir(tmp);
      assert.match(left, /^git-heroku-local-/);
      const next = new LocalProgram(stage, ["local", "--release", "v2", "worker", "-p", "18800"]);
      await next.until("Worker ready");
      assert.is((await readdir(tmp)).includes(left), false);
      next.kill("SIGKILL");
      await next.ended;
      while ((await readdir(tmp)).length > 0) await sleep(20);

      const refused = new LocalProgram(stage, ["local", "--release", "v9"]);
      assert.is(await refused.ended, 1);
      assert.match(refused.output, " !    foobaz has no release v9.\n !    The newest is v5.\n");
    },
  );
});

async function valuesOnDisk(directory: string): Promise<boolean> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    if (/\bxl\b/.test(await readFile(join(entry.parentPath, entry.name), "latin1"))) return true;
  }
  return false;
}
