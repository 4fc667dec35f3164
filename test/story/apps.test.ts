/** An app's first deploy, its secrets and its end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { JSON_OPTION } from "../../src/cli/command.ts";
import { loadAllCommands } from "../../src/cli/command-list.ts";
import { cli, type CliRun } from "../support/cli.ts";
import { checkConverged, runningProcesses, untilSame } from "../support/converged.ts";
import { cloneFixture, deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { get, getUntil } from "../support/http.ts";
import { borrowPlatform, processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { AT_GATE, commitChange, commitGate, startPush } from "../support/push.ts";
import { describe } from "../support/suite.ts";
import { pathsWith } from "../support/tree.ts";
import { isRouter } from "./edge-lab.ts";

const SECRET = "hunter2-4f1c9e77";

/** Types into a command that has a terminal. */
async function typeInto(platform: TestPlatform, cwd: string, command: string, words: string): Promise<string> {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd,
    env: platform.env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes("> ") && !child.stdin.writableEnded) child.stdin.end(words);
  });
  const [status] = (await ended) as [number];
  return `${output.replaceAll("\r", "")}[${String(status)}]`;
}

/** What is given to the commands that need more than their name. */
const JSON_WORDS: Readonly<Record<string, readonly string[]>> = {
  "access:add": ["kate@foobazco.com"],
  "access:update": ["kate@foobazco.com", "-p", "view"],
  "access:remove": ["kate@foobazco.com"],
  "buildpacks:add": ["nodejs"],
  "buildpacks:remove": ["nodejs"],
  "buildpacks:set": ["procfile"],
  "config:get": ["A"],
  "config:history": ["A"],
  "domains:add": ["told.example.com"],
  "domains:remove": ["told.example.com"],
  "drains:add": ["https://logs.example.com/"],
  "drains:remove": ["https://logs.example.com/"],
  "logs:archive": ["archive"],
  "logs:import": ["old.ndjson"],
  "webhooks:add": ["-u", "https://hooks.example.com/", "-i", "api:release", "-l", "notify"],
};

const OLD_LINE = `{"ts":"2011-06-19T08:35:19.123456Z","ps":"web.1","source":"app","msg":"hello"}\n`;

/** Of an app without code, of no build, key, token or webhook: refused, and nothing is on standard output. */
const REFUSED = [
  "ps:wait run:detached releases:output builds:info builds:output builds:cancel releases:revert releases:redeploy",
  "releases:bisect promote tokens:revoke keys:add webhooks:remove",
].flatMap((names) => names.split(" "));

describe("apps", (test) => {
  const common = test.shared(startPlatform);

  test("an app is made with its buildpack, and told to scripts as Heroku's client does", async (t) => {
    const platform = await borrowPlatform(t, common);
    const run = (...words: string[]): Promise<string> => must(platform, platform.dir, "heroku", ...words);
    assert.match(await run("create", "plain", "-n", "-b", "procfile"), "Setting buildpack to procfile... done\n");
    assert.match(await run("buildpacks", "-a", "plain"), "procfile");
    const { git_url, owner } = await platformClient(platform).app("plain");
    const port = String(platform.routerPort);
    assert.is(
      await run("info", "plain", "-s"),
      `collaborators=\ngit_url=${git_url}\nweb_url=http://plain.localhost:${port}/\nslug_size=0\nowner=${owner.email}\n` +
        "region=local\ndynos={}\nstack=host",
    );
  });

  test("with --json each command prints one document, or nothing", async (t) => {
    const platform = await borrowPlatform(t, common);
    const run = (...words: string[]): Promise<CliRun> => cli({ env: platform.env, cwd: platform.dir }, ...words);
    assert.is((JSON.parse((await run("create", "told", "--json")).stdout) as { name: string }).name, "told");
    await must(platform, platform.dir, "heroku", "config:add", "A=1", "-a", "told");
    await writeFile(join(platform.dir, "old.ndjson"), OLD_LINE);
    const commands = (await loadAllCommands()).filter(({ command }) => command.options.includes(JSON_OPTION));
    const refused: string[] = [];
    for (const { name, options } of commands.map(({ command }) => command)) {
      const app = options.some((option) => option.name === "app") ? ["-a", "told"] : [];
      const { status, stdout, stderr } = await run(name, ...(JSON_WORDS[name] ?? []), ...app, "--json");
      if (status === 0 || stdout !== "") assert.not.throws(() => JSON.parse(stdout) as unknown, `${name}: ${stdout}`);
      if (stdout !== "") continue;
      assert.ok(REFUSED.includes(name), `${name}: ${stderr}`);
      refused.push(name);
    }
    assert.equal(refused, REFUSED);
  });

  test("destroy asks, leaves nothing running, and the name begins anew", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await must(platform, clone, "heroku", "config:add", `OLD=${SECRET}`);
    await getUntil(platform.routerPort, "foobaz", "at v3");
    for (const words of [[], ["--confirm", "foobar"]]) {
      const refused = await platform.exec("git", ["heroku", "destroy", ...words], { cwd: clone });
      assert.is(refused.status, 1);
      assert.match(refused.stderr, "Run it with --confirm foobaz");
    }
    const wrong = await typeInto(platform, clone, "git heroku destroy", "foobar\n");
    assert.match(wrong, /To go on, type foobaz:[\s\S]*That was not foobaz; nothing was destroyed\.\s*\[1\]$/);
    assert.is(await checkConverged(platform, "foobaz"), 3);

    const right = await typeInto(platform, clone, "git heroku destroy", "foobaz\n");
    assert.match(right, /Destroying foobaz\.\.\. done\nGit remote production removed\n\[0\]$/);
    assert.equal(await runningProcesses("foobaz", platform.home), []);
    assert.is((await get(platform.routerPort, "foobaz")).status, 404);
    for (const dir of ["apps", "repos", "keys"]) {
      const names = await readdir(join(platform.home, dir));
      assert.not.ok(
        names.some((name) => name.includes("foobaz")),
        `${dir}: ${names.join(" ")}`,
      );
    }
    const trash = (await readdir(join(platform.home, "trash"))).filter((name) => name.startsWith("foobaz"));
    assert.match(trash.join(" "), /^foobaz-\d{8}T\d{6}Z$/);
    const kept = join(platform.home, "trash", trash[0] ?? "");
    assert.equal((await readdir(kept)).sort(), ["foobaz.keys", "logs", "repo.git"]);
    assert.match(
      await must(platform, join(kept, "repo.git"), "log", "-1", "--format=%s", "releases"),
      "v3: Config add OLD",
    );

    await must(platform, clone, "heroku", "create", "foobaz");
    const show = (...words: string[]): Promise<string> => must(platform, clone, "heroku", ...words);
    assert.match(await show("releases"), /\nv1 +Initial release +rick@foobazco\.com +\S.*$/);
    assert.equal(await platformClient(platform).config("foobaz"), {});
    assert.equal(await platformClient(platform).dynos("foobaz"), []);
    assert.not.match(await show("logs"), /web\.1|OLD/);
    await must(platform, clone, "push", "-q", "production", "main");
    await getUntil(platform.routerPort, "foobaz", "at v2");
    assert.is(await checkConverged(platform, "foobaz"), 2);
    await show("destroy", "--confirm", "foobaz", "--purge");
    const left = await readdir(join(platform.home, "trash"));
    assert.equal(
      left.filter((name) => name.includes("foobaz")),
      trash,
    );
  });

  test("destroy during a build refuses the push", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "gated");
    await commitGate(platform, clone, "closed");
    const push = startPush(platform, clone, "main");
    await push.shows(AT_GATE);
    const destroyed = await platform.exec("git", ["heroku", "destroy", "--confirm", "gated"], { cwd: clone });
    assert.is(destroyed.status, 0, destroyed.stderr);
    const refused = await push.ended;
    assert.is(refused.status, 1);
    assert.match(refused.stderr, "gated was destroyed.");
    const others = async (): Promise<number[]> =>
      (await processesOf(platform.home)).filter((one) => !isRouter(one)).map(({ pid }) => pid);
    await untilSame([platform.pid], others);
    assert.not.match(await readFile(join(platform.home, "platform.log"), "utf8"), /^\s+at /m);
  });

  test("a first deploy to master fixes master; npm start without a Procfile", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await cloneFixture(platform, "gated");
    await must(platform, clone, "rm", "-q", "Procfile");
    await must(platform, clone, "commit", "-q", "--amend", "-m", "First");
    await must(platform, clone, "branch", "-m", "main", "master");
    await must(platform, clone, "heroku", "create", "gated");
    const push = await platform.exec("git", ["push", "production", "master"], { cwd: clone });
    assert.is(push.status, 0, push.stderr);
    assert.match(push.stderr, "remote: -----> Node.js app detected");
    assert.match(push.stderr, "Default types for Node.js -> web");
    await getUntil(platform.routerPort, "gated", "plain at v2");
    assert.match(await must(platform, clone, "heroku", "ps"), /^web\.1 .* npm start$/m);
    const repo = join(platform.home, "repos/gated.git");
    assert.is(await must(platform, repo, "symbolic-ref", "HEAD"), "refs/heads/master");
    await commitChange(platform, clone, "second");
    const other = await platform.exec("git", ["push", "production", "master:main"], { cwd: clone });
    assert.is(other.status, 1);
    assert.match(other.stderr, "! [remote rejected] master -> main (deploys from master)");
    assert.match(other.stderr, "git push production main:master");
    await platform.kill();
    await platform.start();
    assert.is(await must(platform, repo, "rev-parse", "HEAD"), await must(platform, clone, "rev-parse", "HEAD~1"));
    await must(platform, clone, "push", "-q", "production", "master");
    await getUntil(platform.routerPort, "gated", "plain at v3");
  });

  test("a secret is in the app's memory and nowhere else", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await must(platform, clone, "heroku", "config:add", `GREETING=${SECRET}`, "PLAIN=1");
    await untilUp(platform, "foobaz", 1);
    await getUntil(platform.routerPort, "foobaz", SECRET);
    assert.is(await must(platform, clone, "heroku", "config:get", "GREETING"), SECRET);
    await commitChange(platform, clone, "second");
    await must(platform, clone, "push", "-q", "production", "main");
    await must(platform, clone, "heroku", "rollback", "v3");
    const refused = await platform.exec("git", ["heroku", "config:add", `DYNO=${SECRET}`], { cwd: clone });
    assert.is(refused.status, 1);
    assert.not.match(refused.stderr + refused.stdout, SECRET);
    await platform.kill();
    await platform.start();
    await getUntil(platform.routerPort, "foobaz", `${SECRET} from web.1 at v5`);

    for (const text of [SECRET, Buffer.from(SECRET).toString("base64").slice(0, 20)]) {
      assert.equal(await pathsWith(platform.home, text), []);
    }
    const repo = join(platform.home, "repos/foobaz.git");
    const objects = await must(platform, repo, "cat-file", "--batch-all-objects", "--batch");
    assert.match(objects, "GREETING='encrypted:");
    assert.not.match(objects, SECRET);
    for (const { command } of await processesOf(platform.home)) assert.not.match(command, SECRET);
    // It was looked for in the right places.
    assert.ok((await pathsWith(platform.home, "GREETING")).length > 0);
  });
});
