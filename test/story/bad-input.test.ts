/** Bad input by the hand of a user: a clear error, a non-zero exit, and nothing changed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { deployFixture, untilUp } from "../support/deploy.ts";
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

const DAEMON = join(ROOT, "dist/bin/platformd.js");

async function runDaemon(env: Record<string, string>): Promise<{ status: number; output: string }> {
  const child = spawn(process.execPath, [DAEMON], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [status] = (await once(child, "close")) as [number];
  return { status, output };
}

describe("bad input", (test) => {
  const common = test.shared(startPlatform);

  test("commands and pushes", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    await runTranscript(join(ROOT, "test/transcripts/bad-input.txt"), { cwd: clone, env: platform.env });
  });

  test("a port that is taken is told, and a default port gives way", async (t) => {
    const home = await t.tempDir();
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    t.after(() => other.close());
    const port = (other.address() as { port: number }).port;
    const { status, output } = await runDaemon({
      GIT_HEROKU_HOME: home,
      GIT_HEROKU_ROUTER_PORT: String(port),
      PATH: process.env["PATH"] ?? "",
    });
    assert.is(status, 1);
    assert.match(output, `Port ${String(port)} is taken by another program.`);
    assert.match(output, "GIT_HEROKU_ROUTER_PORT");
  });

  test("a port that is no port", async (t) => {
    const { status, output } = await runDaemon({
      GIT_HEROKU_HOME: await t.tempDir(),
      GIT_HEROKU_ROUTER_PORT: "http",
      PATH: process.env["PATH"] ?? "",
    });
    assert.is(status, 1);
    assert.match(output, 'GIT_HEROKU_ROUTER_PORT is "http", not a port.');
  });

  test("a home of a newer version is left alone", async (t) => {
    const home = await t.tempDir();
    await writeFile(join(home, "format"), "2\n");
    const { status, output } = await runDaemon({
      GIT_HEROKU_HOME: home,
      GIT_HEROKU_ROUTER_PORT: "0",
      PATH: process.env["PATH"] ?? "",
    });
    assert.is(status, 1);
    assert.match(output, "was written by a newer version of git-heroku (format 2)");
    assert.is(await readFile(join(home, "format"), "utf8"), "2\n");
  });

  test("a second daemon for the same home is refused", async (t) => {
    const platform = await borrowPlatform(t, common);
    const { status, output } = await runDaemon(platform.env);
    assert.is(status, 75);
    assert.match(output, "A daemon is already running");
    const answer = await platform.exec("git", ["heroku", "server:status"]);
    assert.is(answer.status, 0);
  });
});
