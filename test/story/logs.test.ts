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
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { commitChange, startGit } from "../support/push.ts";
import { describe } from "../support/suite.ts";

describe("logs", (test) => {
  const common = test.shared(startPlatform);

  test("--tail follows a deploy, a kill and a restart of the daemon without a gap or a doubled line", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    const tail = startGit(platform, clone, ["heroku", "logs", "--tail"]);
    await tail.shows("Starting process with command: `node web.js`");
    const commit = await commitChange(platform, clone, "second");
    await must(platform, clone, "push", "-q", "production", "main");
    await tail.shows(`Deploy ${commit.slice(0, 7)} by rick@foobazco.com`);
    await getUntil(platform.routerPort, "foobaz", "at v3");
    await get(platform.routerPort, "foobaz", "/after-the-deploy");
    await tail.shows("GET /after-the-deploy");

    // The daemon is killed, and comes back; the app ran on and wrote meanwhile.
    await platform.kill();
    await tail.shows(" !    The platform is away; the stream goes on when it is back.");
    await platform.wake();
    await tail.shows(" !    The platform is back.");
    await getUntil(platform.routerPort, "foobaz", "at v3");
    await get(platform.routerPort, "foobaz", "/after-the-kill");
    await tail.shows("GET /after-the-kill");
    await must(platform, clone, "heroku", "server:restart");
    await getUntil(platform.routerPort, "foobaz", "at v3");
    await get(platform.routerPort, "foobaz", "/after-the-restart");
    await tail.shows("GET /after-the-restart");

    process.kill(-tail.pid, "SIGINT");
    const { stdout } = await tail.ended;
    const stored = await must(platform, clone, "heroku", "logs", "-n", "100000");
    // Line for line what is stored, up to where it was interrupted.
    const first = stdout.split("\n")[0] ?? "";
    assert.ok(`${stored.slice(stored.indexOf(first))}\n`.startsWith(stdout), `${stored}\n---\n${stdout}`);
    assert.ok(stdout.split("\n").length > 20);
    await platform.wake();
  });

  test("--tail ends when the app is destroyed, and --trash still has its log", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await getUntil(platform.routerPort, "foobaz", "at v2");
    const tail = startGit(platform, clone, ["heroku", "logs", "--tail", "--source", "heroku", "--ps", "api"]);
    await tail.shows("Release v2 created");
    await must(platform, clone, "heroku", "destroy", "--confirm", "foobaz");
    const { status, stdout, stderr } = await tail.ended;
    assert.is(status, 1);
    assert.match(stdout, "Destroy app by rick@foobazco.com");
    assert.match(stderr, " !    Couldn't find that app.");
    const words = ["logs", "--app", "foobaz", "--trash", "--ps", "api", "-n", "1"];
    assert.match(await must(platform, clone, "heroku", ...words), / heroku\[api\]: Destroy app by rick@foobazco\.com$/);
  });

  test("a closed pipe ends quietly", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await getUntil(platform.routerPort, "foobaz", "at v2");
    for (const words of ["logs", "logs --json", "logs --tail", "releases", "ps"]) {
      const command = `git heroku ${words} | head -1`;
      const child = spawn("sh", ["-c", command], { cwd: clone, env: platform.env, stdio: ["ignore", "pipe", "pipe"] });
      const ended = once(child, "close");
      let [output, complaint] = ["", ""];
      child.stdout.on("data", (text: Buffer) => (output += text.toString()));
      child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
      // A follower notices that nobody reads when the next line comes.
      if (words.includes("--tail")) {
        while (child.exitCode === null) await get(platform.routerPort, "foobaz", "/next");
      }
      await ended;
      assert.match(output, /^.+\n$/, words);
      assert.is(complaint, "", words);
    }
  });

  test("--json is NDJSON; the router's lines name the request", async (t) => {
    const platform = await borrowPlatform(t, common);
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
    const logs = (...words: string[]): Promise<string> => must(platform, clone, "heroku", "logs", ...words);
    let [json, text] = ["", ""];
    // The same lines are looked at twice, once no more come.
    await untilSame(true, async () => {
      text = await logs();
      json = await logs("--json");
      return text === (await logs());
    });
    const lines: LogLine[] = [];
    // Strict: anything that is no JSON fails the test.
    for await (const line of Readable.from([json, "\n"]).pipe(ndjson.parse({ strict: true }))) {
      lines.push(line as LogLine);
    }
    assert.is(lines.length, json.split("\n").length);
    assert.is(lines.map((line) => formatLogText(line)).join("\n"), text);
    assert.ok(lines.every((line, index) => line.ts >= (lines[index - 1]?.ts ?? "")));
  });
});
