/** Logs at the end of a pipe: followed across a deploy, cut by `head`, read by programs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import ndjson from "ndjson";
import { Readable } from "node:stream";
import * as assert from "uvu/assert";
import { formatLogText, type LogLine } from "../../src/core/log-line.ts";
import { untilSame } from "../support/converged.ts";
import { deployFixture, must } from "../support/deploy.ts";
import { get, getUntil } from "../support/http.ts";
import { startPlatform } from "../support/platform.ts";
import { commitChange, startGit } from "../support/push.ts";
import { describe } from "../support/suite.ts";

describe("logs", (test) => {
  test("--tail follows a deploy and says when the platform stops or dies", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    const tail = startGit(platform, clone, ["heroku", "logs", "--tail"]);
    await tail.shows("Starting process with command: `node web.js`");
    const commit = await commitChange(platform, clone, "second");
    await must(platform, clone, "push", "-q", "production", "main");
    await tail.shows(`Deploy ${commit.slice(0, 7)} by rick@foobazco.com`);
    await getUntil(platform.routerPort, "foobaz", "at v3");
    await get(platform.routerPort, "foobaz", "/after-the-deploy");
    await tail.shows("GET /after-the-deploy");

    await platform.kill();
    const killed = await tail.ended;
    assert.is(killed.status, 1);
    assert.match(killed.stderr, " !    The log stream broke off: the platform stopped.");
    assert.is(killed.stdout.split("GET /after-the-deploy").length, 2);

    const follower = startGit(platform, clone, ["heroku", "logs", "--tail", "-n", "1"]);
    await follower.shows("heroku[");
    await must(platform, clone, "heroku", "server:stop");
    const stopped = await follower.ended;
    assert.is(stopped.status, 1);
    assert.match(stopped.stderr, " !    The log stream ended: the platform stopped.");
    await platform.wake();
  });

  test("a closed pipe ends quietly", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await getUntil(platform.routerPort, "foobaz", "at v2");
    for (const words of ["logs", "logs --json", "logs --tail", "releases", "ps"]) {
      const command = `git heroku ${words} | head -1`;
      const child = spawn("sh", ["-c", command], { cwd: clone, env: platform.env, stdio: ["ignore", "pipe", "pipe"] });
      let isOver = false;
      const ended = once(child, "close").then(() => (isOver = true));
      let [output, complaint] = ["", ""];
      child.stdout.on("data", (text: Buffer) => (output += text.toString()));
      child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
      // A follower notices that nobody reads when the next line comes.
      while (words === "logs --tail" && !isOver) await get(platform.routerPort, "foobaz", "/next");
      await ended;
      assert.match(output, /^.+\n$/, words);
      assert.is(complaint, "", words);
    }
  });

  test("--json is NDJSON; the router's lines name the request", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await getUntil(platform.routerPort, "foobaz", "at v2");
    await get(platform.routerPort, "foobaz", "/a/page?of=mine");
    let router = "";
    await untilSame(true, async () => {
      router = await must(platform, clone, "heroku", "logs", "--source", "heroku", "--ps", "router", "-n", "1");
      return router.includes("/a/page");
    });
    assert.match(
      router,
      /^\S+ heroku\[router\]: at=info method=GET path="\/a\/page\?of=mine" host=foobaz\.localhost \S.* dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=\d+/,
    );
    const json = await must(platform, clone, "heroku", "logs", "--json");
    const lines: LogLine[] = [];
    // Strict: anything that is no JSON fails the test.
    for await (const line of Readable.from([json, "\n"]).pipe(ndjson.parse({ strict: true }))) {
      lines.push(line as LogLine);
    }
    assert.is(lines.length, json.split("\n").length);
    const text = await must(platform, clone, "heroku", "logs");
    assert.is(lines.map((line) => formatLogText(line)).join("\n"), text);
    assert.ok(lines.every((line, index) => line.ts >= (lines[index - 1]?.ts ?? "")));
  });
}, 60_000);
