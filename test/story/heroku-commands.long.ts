/** Heroku's own command line, command by command, against one app: exit status, what it prints, and the ledger afterwards.
 *  The list at the top says which commands are tried; one that no step runs fails the last test. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { must, untilUp } from "../support/deploy.ts";
import { checkAnswered, fetchHeroku, openHeroku, type HerokuCli } from "../support/heroku-cli.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

const SERVED = `
  access access:add access:remove addons addons:services addons:wait apps apps:create apps:destroy apps:info apps:rename apps:stacks auth:token auth:whoami authorizations buildpacks
  buildpacks:add buildpacks:clear buildpacks:remove buildpacks:set certs certs:auto clients config config:edit config:get
  config:remove config:set config:unset create domains domains:add domains:remove drains drains:add drains:remove features features:disable
  features:enable features:info git:remote keys labs labs:disable labs:enable logs maintenance maintenance:off
  maintenance:on pipelines pipelines:add pipelines:create pipelines:destroy pipelines:info pipelines:promote pipelines:remove
  pipelines:rename pipelines:update ps ps:restart ps:scale ps:stop ps:type ps:wait regions releases releases:info releases:output
  releases:retry releases:rollback rollback run:detached sessions telemetry webhooks webhooks:add
  webhooks:deliveries webhooks:events`;
/** What is not here is told by an error with an id. */
const REFUSED = `
  addons:attach addons:create addons:destroy addons:detach addons:docs addons:info addons:open
  addons:plans addons:rename addons:upgrade apps:stacks:set certs:add telemetry:add`;

const PROCFILE = `web: exec node server.js
worker: exec sleep 600
release: echo migrating
`;
const SERVER = `const answer = (request, response) => response.end("hi\\n");
require("http").createServer(answer).listen(process.env.PORT, () => console.log("listening"));
`;

interface Step {
  /** Words of the command; one with blanks stands in quotes. */
  run: string;
  status?: number;
  out?: RegExp;
  err?: RegExp;
  /** Subjects of the releases that it makes, without their versions. */
  makes?: RegExp[];
  /** What is typed. */
  input?: string;
}

const ERROR_ID = (id: string): RegExp => new RegExp(`Error ID: ${id}`);
const NOT_FOUND = { status: 2, err: ERROR_ID("not_found") };
const INVALID = { status: 2, err: ERROR_ID("invalid_params") };

const APPS: Step[] = [
  { run: "auth:whoami", out: /^rick@foobazco\.com\n$/ },
  { run: "auth:token", out: /^git-heroku-\S+\n$/ },
  { run: "authorizations", out: /global/ },
  { run: "sessions", out: /No OAuth sessions/ },
  { run: "clients", out: /No OAuth clients/ },
  { run: "keys" },
  { run: "regions", out: /local/ },
  { run: "labs" },
  { run: "apps", out: /=== rick@foobazco\.com Apps\n\n *foobaz/ },
  { run: "apps -A", out: /foobaz/ },
  { run: "apps --json", out: /"name": *"foobaz"/ },
  { run: "apps -t nosuch", ...NOT_FOUND },
  { run: "apps:create other", out: /^http:\/\/other\.localhost.* \| https:/, err: /Creating other\.\.\. done/ },
  { run: "create another --no-remote", err: /Creating another\.\.\. done/ },
  {
    run: "create packed --no-remote --buildpack https://example.com/one.git",
    err: /Setting buildpack to \S+one\.git\.\.\. done/,
  },
  { run: "buildpacks -a packed", out: /^https:\/\/example\.com\/one\.git$/m },
  { run: "apps:destroy -a packed --confirm packed", err: /done/ },
  { run: "apps:rename third -a other", out: /^http:\/\/third\.localhost/m, err: /Renaming other to third\.\.\. done/ },
  { run: "apps:rename foobaz -a third", ...INVALID },
  { run: "apps:destroy -a third --confirm third", err: /Destroying third .*\.\.\. done/ },
  { run: "apps:destroy -a another --confirm wrong", status: 1 },
  { run: "apps:destroy -a another --confirm another", err: /done/ },
  {
    run: "apps:info",
    out: /=== foobaz\n[^]*Git URL: +\S+\/foobaz\.git\n[^]*Owner: +rick@foobazco\.com\n[^]*Dynos: +web: 1/,
  },
  { run: "apps:info --shell", out: /^owner=rick@foobazco\.com\n[^]*^stack=host$/m },
  { run: "apps:info --json", out: /"pipeline_coupling"|"collaborators"/ },
  { run: "apps:stacks", out: /\* host/ },
  { run: "apps:stacks:set heroku-24", ...INVALID },
  { run: "git:remote -a foobaz -r official", out: /set git remote official to https:\/\/.*\/foobaz\.git/ },
  { run: "apps:info -a nosuch", ...NOT_FOUND },
  { run: "access", out: /rick@foobazco\.com +owner/ },
  { run: "access:add kate@foobazco.com", err: /Adding kate@foobazco\.com access to the app foobaz\.\.\. done/ },
  { run: "access", out: /kate@foobazco\.com +collaborator/ },
  { run: "access:remove kate@foobazco.com", err: /Removing kate@foobazco\.com access from the app foobaz\.\.\. done/ },
  { run: "access:remove kate@foobazco.com", ...NOT_FOUND },
  { run: "features", out: /\[\+\] preboot/ },
  { run: "features:info preboot", out: /Enabled: +true/ },
  { run: "features:enable daily-restart", err: /done/ },
  { run: "features", out: /\[\+\] daily-restart/ },
  { run: "features:disable daily-restart", err: /done/ },
  { run: "features:enable nosuch", ...NOT_FOUND },
  { run: "labs:enable daily-restart", err: /done/ },
  { run: "labs:disable daily-restart", err: /done/ },
  { run: "maintenance", out: /^off\n$/ },
  { run: "maintenance:on", err: /Enabling maintenance mode for foobaz\.\.\. done/ },
  { run: "maintenance", out: /^on\n$/ },
  { run: "maintenance:off", err: /done/ },
];

const PROCESSES: Step[] = [
  { run: "ps:wait" },
  { run: "ps", out: /=== web \(Basic\): exec node server\.js \(1\)\n\nweb\.1: up / },
  { run: "ps web", out: /web\.1: up / },
  { run: "ps nosuch", status: 1 },
  { run: "ps -x", out: /web\.1/ },
  { run: "ps --json", out: /"name": *"web\.1"/ },
  { run: "ps:scale", out: /^release=0:Basic web=1:Basic worker=0:Basic\n$/ },
  { run: "ps:scale web=2 worker+1:basic", err: /now running web at 2:Basic, worker at 1:Basic/ },
  { run: "ps:scale web-1", err: /now running web at 1:Basic/ },
  { run: "ps:scale nosuch=1", ...NOT_FOUND },
  { run: "ps:scale web=1000", ...INVALID },
  { run: "ps:type", out: /worker +Basic +1/ },
  { run: "ps:type standard-2x", ...INVALID },
  { run: "ps:restart", err: /Restarting all dynos on foobaz\.\.\. done/ },
  { run: "ps:restart -p worker", err: /Restarting all worker dynos on foobaz\.\.\. done/ },
  { run: "ps:restart -d web.1", err: /Restarting dyno web\.1 on foobaz\.\.\. done/ },
  { run: "ps:stop -d web.1", err: /Stopping dyno web\.1 on foobaz\.\.\. done/ },
  { run: "ps:stop -p worker", err: /Stopping all worker dynos on foobaz\.\.\. done/ },
  { run: "ps:stop -d web.7", ...NOT_FOUND },
  { run: "ps:stop", status: 2 },
  {
    run: "run:detached echo hello from a one-off",
    err: /Running echo hello from a one-off on foobaz\.\.\. done, run\.1/,
  },
];

const CONFIG: Step[] = [
  {
    run: "config:set A=1 'B=two words'",
    out: /A: +1\nB: +two words/,
    err: /Setting A, B and restarting foobaz\.\.\. done, v\d+/,
    makes: [/^Config add A, B$/],
  },
  { run: "config:set A=1", err: /done/ },
  { run: "config", out: /=== foobaz Config Vars\n\nA: 1\nB: two words\n/ },
  { run: "config --json", out: /"B": *"two words"/ },
  { run: "config --shell", out: /^B='two words'$/m },
  { run: "config:get B", out: /^two words\n$/ },
  { run: "config:get NOSUCH", out: /^\n$/ },
  { run: "config:get NOSUCH --json", out: /"value": *null/ },
  { run: "config:edit A", input: "y\n", err: /Updating config\.\.\. done/, makes: [/^Config add A$/] },
  { run: "config:get A", out: /^edited\n$/ },
  {
    run: "config:unset A NOSUCH",
    err: /Unsetting A, NOSUCH and restarting foobaz\.\.\. done, v\d+/,
    makes: [/^Config remove A$/],
  },
  { run: "config:set C=1", err: /done/, makes: [/^Config add C$/] },
  { run: "config:remove C", err: /done, v\d+/, makes: [/^Config remove C$/] },
  { run: "config:set A=again", err: /done/, makes: [/^Config add A$/] },
  { run: "config:unset A", err: /done/, makes: [/^Config remove A$/] },
  { run: "config:set PORT=1", ...INVALID },
];

const RELEASES: Step[] = [
  {
    run: "releases",
    out: /=== foobaz Releases - Current: v(\d+)\n[^]*v\1 +Config remove A +rick@foobazco\.com[^]*v1 +Initial release/,
  },
  { run: "releases -n 1", out: /^=== .*\n\n.*\n.*\n +v\d+ +Config remove A .*\n+$/ },
  { run: "releases --json -n 2", out: /"description": *"Config remove A"/ },
  {
    run: "releases:info v2",
    out: /=== Release v2\n[^]*Change: +Deploy [0-9a-f]{7}\n[^]*Eligible for Rollback\?: +Yes/,
  },
  { run: "releases -x -n 1", out: /Slug Id|slug_id/i },
  { run: "releases:info v2 --json", out: /"version": *2/ },
  { run: "releases:info", out: /Change: +Config remove A\n[^]*B: +two words/ },
  { run: "releases:info --shell v2", out: /^RELEASE|^CHANGE|=/m },
  { run: "releases:output v2", out: /Procfile declares types -> release, web, worker[^]*migrating/ },
  { run: "releases:output v1", err: /no release output available/ },
  { run: "rollback", err: /Rolling back foobaz to v\d+\.\.\. done, v\d+/, makes: [/^Rollback to v\d+$/] },
  {
    run: "releases:rollback v2",
    out: /migrating/,
    err: /Rolling back foobaz to v2\.\.\. done, v\d+/,
    makes: [/^Rollback to v2$/],
  },
  { run: "rollback v1", ...INVALID },
  { run: "rollback v999", ...NOT_FOUND },
  {
    run: "releases:retry",
    out: /migrating/,
    err: /Retrying v\d+ on foobaz\.\.\. done, v\d+/,
    makes: [/^Retry of v\d+: Rollback to v2$/],
  },
];

const OTHERS: Step[] = [
  { run: "domains", out: /=== foobaz Heroku Domain\n\nfoobaz\.localhost/ },
  { run: "domains:add www.example.com", err: /Adding www\.example\.com to foobaz\.\.\. done/ },
  { run: "domains", out: /www\.example\.com/ },
  { run: "domains:remove www.example.com", err: /Removing www\.example\.com from foobaz\.\.\. done/ },
  { run: "domains:remove www.example.com", ...NOT_FOUND },
  { run: "drains", out: /^$/ },
  {
    run: "drains:add https://ned:s3cret@127.0.0.1:1/in",
    out: /Successfully added drain https:\/\/\*{4}:\*{4}@127\.0\.0\.1:1\/in/,
  },
  { run: "drains", out: /=== Drains\n\nhttps:\/\/\S+ \(d\.[0-9a-f-]+\)/ },
  { run: "drains:remove https://ned:s3cret@127.0.0.1:1/in", out: /Successfully removed/ },
  { run: "buildpacks", out: /foobaz has no Buildpacks/ },
  { run: "buildpacks:set https://example.com/one.git", out: /Buildpack set/ },
  { run: "buildpacks:add https://example.com/two.git", out: /Buildpack added/ },
  { run: "buildpacks", out: /1\. https:\/\/example\.com\/one\.git\n2\. https:\/\/example\.com\/two\.git/ },
  { run: "buildpacks:remove https://example.com/one.git", out: /Buildpack removed/ },
  { run: "buildpacks:clear", out: /Buildpacks cleared/ },
  { run: "certs", out: /foobaz has no SSL certificates/ },
  { run: "certs:auto", out: /disabled on foobaz/ },
  { run: "certs:add Procfile server.js", ...INVALID },
  { run: "webhooks", out: /foobaz has no webhooks/ },
  { run: "webhooks:add -i api:release,dyno -l notify -u https://127.0.0.2/hook", ...INVALID },
  { run: "webhooks:add -i api:release,dyno -l notify -u https://198.51.99.1/hook", out: /Signing Secret/ },
  { run: "webhooks", out: /https:\/\/198\.51\.99\.1\/hook\s+api:release,dyno\s+notify/ },
  { run: "webhooks:deliveries", out: /foobaz has no deliveries/ },
  { run: "webhooks:events", out: /foobaz has no events/ },
  { run: "telemetry -a foobaz", status: 0 },
  { run: "telemetry:add https://example.com/t --signals traces -a foobaz", ...INVALID },
  { run: "pipelines", out: /=== My Pipelines/ },
  { run: "pipelines:info nosuch", status: 1, err: /Pipeline not found/ },
  { run: "pipelines:promote", ...NOT_FOUND },
  { run: "apps:create shopfront --no-remote", err: /Creating shopfront\.\.\. done/ },
  {
    run: "pipelines:create shop -s staging -a foobaz",
    err: /Creating shop pipeline\.\.\. done[\s\S]*as staging\.\.\. done/,
  },
  { run: "pipelines:add shop -s development -a shopfront", err: /to shop pipeline as development\.\.\. done/ },
  { run: "pipelines:update -s production -a shopfront", err: /to production\.\.\. done/ },
  { run: "pipelines:rename shop store", err: /Renaming shop pipeline to store\.\.\. done/ },
  { run: "pipelines", out: /store/ },
  { run: "pipelines:info store", out: /foobaz\s+staging[\s\S]*shopfront\s+production/ },
  { run: "pipelines:promote", out: /Promotion successful[\s\S]*shopfront: +succeeded/ },
  { run: "releases -a shopfront", out: /v2 +Promote foobaz v\d+ [0-9a-f]{7}/ },
  { run: "pipelines:remove -a shopfront", err: /Removing .*shopfront\.\.\. done/ },
  { run: "pipelines:destroy store", err: /Destroying store pipeline\.\.\. done/ },
  { run: "apps:destroy shopfront --confirm shopfront", err: /done/ },
  { run: "addons", out: /No add-ons for app foobaz/ },
  { run: "addons --all", out: /No add-ons/ },
  { run: "addons:services" },
  { run: "addons:create heroku-redis", ...INVALID },
  { run: "addons:info redis", ...NOT_FOUND },
  { run: "addons:attach redis", ...NOT_FOUND },
  { run: "addons:detach REDIS", ...NOT_FOUND },
  { run: "addons:destroy redis --confirm foobaz", ...NOT_FOUND },
  { run: "addons:plans heroku-redis", ...NOT_FOUND },
  { run: "addons:upgrade redis heroku-redis:large", ...NOT_FOUND },
  { run: "addons:rename redis other", ...NOT_FOUND },
  { run: "addons:docs heroku-redis --show-url", ...NOT_FOUND },
  { run: "addons:open redis --show-url", ...NOT_FOUND },
  { run: "addons:wait" },
  { run: "logs -n 5", out: /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 (app|heroku)\[[\w.-]+\]: .*\n){5}$/ },
  { run: "logs --ps web --source app", out: /^(\S+ app\[web\.\d+\]: .*\n)+$/ },
  { run: "logs --dyno-name run.1 --source app", out: /app\[run\.1\]: hello from a one-off/ },
];

const PARTS: Record<string, Step[]> = {
  apps: APPS,
  processes: PROCESSES,
  config: CONFIG,
  releases: RELEASES,
  others: OTHERS,
};
/** Of one part. */
const TIMEOUT_MS = 40 * 60_000;

const { script = "", missing } = await fetchHeroku();

interface Scene {
  platform: TestPlatform;
  heroku: HerokuCli;
  clone: string;
  /** Subjects of the releases, newest first, without their versions. */
  ledger: () => Promise<string[]>;
}

async function openScene(t: TestContext): Promise<Scene> {
  const platform = await startPlatform(t);
  const clone = join(platform.dir, "foobaz");
  await mkdir(clone);
  await writeFile(join(clone, "Procfile"), PROCFILE);
  await writeFile(join(clone, "server.js"), SERVER);
  await writeFile(join(platform.bin, "test-editor"), '#!/bin/sh\nprintf edited > "$1"\n', { mode: 0o755 });
  const git = (...args: string[]): Promise<string> => must(platform, clone, ...args);
  await git("init", "-q", "-b", "main");
  await git("add", ".");
  await git("commit", "-q", "-m", "First");
  await git("heroku", "create", "foobaz");
  await git("push", "-q", "production", "main");
  await untilUp(platform, "foobaz", 1);
  const heroku = await openHeroku(t, script, { platform, cwd: clone });
  const ledger = async (): Promise<string[]> => {
    const log = await must(
      platform,
      join(platform.home, "repos", "foobaz.git"),
      "log",
      "--first-parent",
      "--format=%s",
      "releases",
    );
    return log
      .trimEnd()
      .split("\n")
      .map((subject) => subject.replace(/^v\d+: /, ""));
  };
  return { platform, heroku, clone, ledger };
}

/** In the clone; its end and its output are the caller's. */
function start({ heroku, clone }: Scene, words: string[]): ChildProcessWithoutNullStreams {
  const env = { ...heroku.env, EDITOR: "test-editor", VISUAL: "test-editor" };
  return spawn(process.execPath, ["--no-deprecation", script, ...words], { cwd: clone, env });
}

async function take(scene: Scene, step: Step): Promise<void> {
  const { run, status = 0, out, err, makes = [], input } = step;
  const { ledger } = scene;
  const before = await ledger();
  const words = [...run.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
  const ended = await runWith(scene, words, input ?? "");
  const said = `heroku ${run}\n${ended.stdout}${ended.stderr}`;
  checkAnswered(scene.heroku.proxy, words);
  assert.is(ended.status, status, said);
  if (out !== undefined) assert.match(ended.stdout, out, said);
  // Messages are folded to the width of a terminal.
  if (err !== undefined) assert.match(ended.stderr.replace(/\n ›\s+/g, " "), err, said);
  const after = await ledger();
  const made = after.slice(0, after.length - before.length);
  assert.equal(after.slice(made.length), before, said);
  assert.is(made.length, makes.length, `${said}${made.join("\n")}`);
  makes.forEach((subject, index) => assert.match(made[index] ?? "", subject, said));
}

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** With an input that ends: a question that nobody answers must not wait for ever. */
function runWith(scene: Scene, words: string[], input: string): Promise<Ended> {
  const child = start(scene, words);
  child.stdin.on("error", () => undefined).end(input);
  const ended = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (ended.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (ended.stderr += bytes.toString()));
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, ...ended })));
}

describe(
  "heroku's own client, command by command",
  (test) => {
    const common = test.shared(openScene);

    for (const [part, steps] of Object.entries(PARTS)) {
      test.needing(missing, part, async () => {
        const scene = await common();
        for (const step of steps) await take(scene, step);
      });
    }

    test.needing(
      missing,
      "logs --tail goes on across a restart of the platform, without a loss and without doubles",
      async () => {
        const scene = await common();
        const { platform, clone } = scene;
        const child = start(scene, ["logs", "--tail", "-n", "1", "--ps", "run", "--source", "app"]);
        let seen = "";
        const lines = (): string[] => seen.split("\n").flatMap((line) => /line-\d+$/.exec(line) ?? []);
        const until = (count: number): Promise<void> =>
          new Promise((resolve) => {
            child.stdout.on("data", () => lines().length >= count && resolve());
          });
        child.stdout.on("data", (bytes: Buffer) => (seen += bytes.toString()));
        const say = (number: number): Promise<string> =>
          must(platform, clone, "heroku", "run:detached", "--", "echo", `line-${String(number)}`);
        const [first, third] = [until(1), until(3)];
        await say(1);
        await first;
        await must(platform, clone, "heroku", "server:restart");
        await say(2);
        await say(3);
        await third;
        child.kill("SIGKILL");
        await new Promise((resolve) => child.once("close", resolve));
        assert.equal(lines().sort(), ["line-1", "line-2", "line-3"]);
        await platform.wake();
      },
    );

    test("every command of the list was run", () => {
      const run = new Set(Object.values(PARTS).flatMap((steps) => steps.map((step) => step.run.split(" ")[0] ?? "")));
      const listed = `${SERVED} ${REFUSED}`.split(/\s+/).filter((name) => name !== "");
      assert.equal(new Set(listed), run);
    });
  },
  TIMEOUT_MS,
);
