/** The same through a real front that ends TLS, with a certificate of its own authority: what people on the internet do. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import * as assert from "uvu/assert";
import { cloneFixture, must, untilUp } from "../support/deploy.ts";
import { borrowPlatform, FIXTURES, startPlatform, type TestPlatform } from "../support/platform.ts";
import { AT_GATE, commitGate, startGit, type RunningPush } from "../support/push.ts";
import { MISSING_SSHD, startSshd, type TestSshd } from "../support/sshd.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { MISSING_TERMINAL, TestTerminal } from "../support/terminal.ts";
import { standBehind, startCaddy, startNginx, type Front } from "./front-lab.ts";
import { colleague, logIn, type Colleague } from "./team-lab.ts";

/** Whom the front's authority is known to. */
function trusting(who: Colleague, { authority }: Front): Colleague {
  Object.assign(who.env, { GIT_SSL_CAINFO: authority, NODE_EXTRA_CA_CERTS: authority });
  return who;
}

interface ReleaseLine {
  version: number;
  description: string;
  user: { email: string };
  via: string;
}

/** Somebody who comes over SSH. */
async function withKey(platform: TestPlatform, who: Colleague, sshd: TestSshd): Promise<Colleague & { via: string }> {
  const { env, publicKey, fingerprint } = await sshd.person(who.email.replace(/@.*/, ""));
  await must(platform, platform.dir, "heroku", "keys:add", publicKey, "--for", who.email);
  Object.assign(who.env, env);
  return Object.assign(who, { via: `ssh ${fingerprint}` });
}

function followed(platform: TestPlatform, clone: string, who: Colleague): RunningPush {
  return startGit(platform, clone, ["heroku", "logs", "--tail", "--ps", "api", "-n", "1000"], who.env);
}

/** bash at a terminal, in a process of the app. What is typed there is waited for; `exit` ends it. */
async function openBash(
  t: TestContext,
  platform: TestPlatform,
  cwd: string,
  { env }: Colleague,
): Promise<(text: string, answer: string) => Promise<void>> {
  const args = ["heroku", "run", "PS1='app> ' exec bash --norc -i"];
  const place = { cwd, env: { ...platform.env, ...env }, columns: 80, rows: 24 };
  const terminal = await TestTerminal.open(t, { command: "git", args, ...place });
  await terminal.until("app> ");
  return async (text, answer) => {
    terminal.type(`${text}\r`);
    if (text === "exit") assert.is(await terminal.ended, 0);
    else await terminal.until(answer);
  };
}

/** By every door. */
async function isAbsentTo(platform: TestPlatform, eve: Colleague, servers: readonly string[]): Promise<void> {
  for (const server of servers) {
    const answers = [];
    for (const app of ["hello", "nosuch"]) {
      const cloned = await eve.git(eve.dir, "clone", `${server}/${app}.git`);
      const env = { ...eve.env, GIT_HEROKU_SERVER: server };
      const asked = await platform.exec("git", ["heroku", "ps", "--app", app], { cwd: eve.dir, env });
      assert.equal([cloned.status, asked.status], [128, 1]);
      assert.match(asked.stderr, "Couldn't find that app.");
      answers.push((cloned.stderr + asked.stderr).replaceAll(app, "APP"));
    }
    assert.is(answers[0], answers[1]);
    assert.is(await eve.must(eve.dir, "heroku", "apps", "--server", server), "");
  }
}

function missing(program: string, asked: string): string | undefined {
  return spawnSync(program, [asked]).status === 0 ? undefined : program;
}

/** What comes back of one frame that is sent to the app, after its handshake. */
async function echoed({ url, authority }: Front, app: string): Promise<string> {
  const { port } = new URL(url);
  const ca = await readFile(authority);
  const socket = connect({ host: "127.0.0.1", port: Number(port), servername: "localhost", ca });
  const lines = [
    "GET / HTTP/1.1",
    `Host: ${app}.localhost`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let said = "";
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    const isFirst = !said.includes("\r\n\r\n");
    said += bytes.toString("latin1");
    if (isFirst && said.includes("\r\n\r\n")) socket.write("a frame");
    if (said.endsWith("a frame")) break;
  }
  return said;
}

describe("team over HTTPS", (test) => {
  const common = test.shared(startPlatform);

  test.needing(
    missing("caddy", "version") ?? MISSING_SSHD ?? MISSING_TERMINAL,
    "one over HTTPS, one over SSH, at once: pushes, rollbacks, scaling, logs and bash; to a third there is no app",
    async (t) => {
      const platform = await borrowPlatform(t, common);
      const [front, sshd] = [await startCaddy(t, platform), await startSshd(t, platform)];
      await standBehind(platform, front);
      const kate = trusting(await colleague(platform, "kate"), front);
      const ned = await withKey(platform, await colleague(platform, "ned"), sshd);
      const eve = trusting(await withKey(platform, await colleague(platform, "eve"), sshd), front);
      for (const who of [kate, eve]) await logIn(platform, who, front.url);
      const clone = await cloneFixture(platform, "hello");
      await kate.must(clone, "heroku", "create", "hello", "--server", front.url);
      await kate.must(clone, "push", "-q", "production", "main");
      await kate.must(clone, "heroku", "access:add", ned.email, "--permissions", "deploy,operate");
      await ned.must(ned.dir, "clone", "-q", "-o", "production", `${sshd.server}/hello.git`);
      const neds = join(ned.dir, "hello");
      const [logsOfKate, logsOfNed] = [followed(platform, clone, kate), followed(platform, neds, ned)];
      const [bashOfKate, bashOfNed] = await Promise.all([
        openBash(t, platform, clone, kate),
        openBash(t, platform, neds, ned),
      ]);

      await kate.must(clone, "commit", "-q", "--allow-empty", "-m", "Kates");
      await Promise.all([
        kate.must(clone, "push", "-q", "production", "main"),
        kate.must(clone, "heroku", "config:add", "KATE=1"),
        ned.must(neds, "heroku", "scale", "web=2"),
        ned.must(neds, "heroku", "rollback", "v2"),
        bashOfKate("echo kates-$((6*7))", "kates-42"),
        bashOfNed("echo neds-$((6*7))", "neds-42"),
      ]);
      await ned.must(neds, "pull", "-q", "production", "main");
      await ned.must(neds, "commit", "-q", "--allow-empty", "-m", "Neds");
      await Promise.all([
        ned.must(neds, "push", "-q", "production", "main"),
        ned.must(neds, "heroku", "config:add", "NED=1"),
        kate.must(clone, "heroku", "scale", "web=1"),
        kate.must(clone, "heroku", "rollback", "v2"),
        bashOfKate("exit", ""),
        bashOfNed("exit", ""),
      ]);

      const deployed = async (cwd: string): Promise<string> =>
        `Deploy ${(await must(platform, cwd, "rev-parse", "main")).slice(0, 7)}`;
      const releases = await kate.must(clone, "heroku", "releases", "-n", "20", "--json");
      const told = (JSON.parse(releases) as ReleaseLine[]).filter(({ version }) => version > 2);
      assert.equal(
        told.map(({ description, user, via }) => [description, user.email, via].join(" | ")).sort(),
        [
          [await deployed(clone), kate.email, "http"],
          ["Config add KATE", kate.email, "api"],
          ["Rollback to v2", kate.email, "api"],
          [await deployed(neds), ned.email, ned.via],
          ["Config add NED", ned.email, ned.via],
          ["Rollback to v2", ned.email, ned.via],
        ]
          .map((one) => one.join(" | "))
          .sort(),
      );
      const expected = [
        `${await deployed(clone)} by ${kate.email}`,
        `Config add KATE by ${kate.email}`,
        `Rollback to v2 by ${kate.email}`,
        `Scale to web=1 by ${kate.email}`,
        `${await deployed(neds)} by ${ned.email}`,
        `Config add NED by ${ned.email}`,
        `Rollback to v2 by ${ned.email}`,
        `Scale to web=2 by ${ned.email}`,
      ];
      for (const follower of [logsOfKate, logsOfNed]) {
        for (const line of expected) await follower.shows(line);
        process.kill(-follower.pid, "SIGINT");
        const { stdout } = await follower.ended;
        for (const who of [kate, ned]) assert.is(stdout.split(` --norc -i\` by ${who.email}`).length, 2);
        assert.not.match(stdout, /mallory|rick@/i);
      }
      await isAbsentTo(platform, eve, [front.url, sshd.server]);
      const list = JSON.parse(await kate.must(clone, "heroku", "apps", "--json")) as { git_url: string }[];
      assert.is(list[0]?.git_url, `${front.url}/hello.git`);
    },
  );

  test.needing(missing("nginx", "-v"), "nginx lets through what is long, at once, both ways", async (t) => {
    const platform = await borrowPlatform(t, common);
    const front = await startNginx(t, platform);
    await standBehind(platform, front);
    const kate = trusting(await colleague(platform, "kate"), front);
    assert.is((await logIn(platform, kate, front.url)).stdout, `Logged in as ${kate.email}\n`);
    const clone = await cloneFixture(platform, "gated");
    await cp(join(FIXTURES, "echo", "web.js"), join(clone, "web.js"));
    // Far more than nginx takes by itself, and sent in pieces.
    await writeFile(join(clone, "large"), randomBytes(8 * 1024 * 1024));
    const gate = await commitGate(platform, clone, "nginx");
    await kate.must(clone, "heroku", "create", "gated", "--server", front.url);
    const push = startGit(platform, clone, ["push", "production", "main"], kate.env);
    await push.shows(AT_GATE);
    await gate.open();
    const pushed = await push.ended;
    assert.match(pushed.stderr, "remote: -----> Launching... done, v2");
    await untilUp(platform, "gated", 1);
    const follower = startGit(platform, clone, ["heroku", "logs", "--tail", "--ps", "api"], kate.env);
    await follower.shows(`Release v2 created by ${kate.email}`);
    assert.match(await kate.must(clone, "heroku", "run", "--no-tty", "echo", "over nginx"), "over nginx");
    await follower.shows(`over nginx'\` by ${kate.email}`);
    process.kill(-follower.pid, "SIGINT");
    await follower.left;
    assert.match(await echoed(front, "gated"), /^HTTP\/1\.1 101 [^]*a frame$/);
  });
});
