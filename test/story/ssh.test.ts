/** A team over a real sshd: each under the name that their key has, whatever they say of themselves, and nobody further than
 *  they may. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { cloneFixture, must } from "../support/deploy.ts";
import { startPlatform, type ExecResult, type TestPlatform } from "../support/platform.ts";
import { AT_GATE, commitChange, commitGate, startGit } from "../support/push.ts";
import { MISSING_SSHD, startSshd, type SshPerson, type TestSshd } from "../support/sshd.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { MISSING_TERMINAL, TestTerminal } from "../support/terminal.ts";

/** The team is made within the first test. */
const LIMIT_MS = 300_000;

interface Team {
  platform: TestPlatform;
  sshd: TestSshd;
  kate: SshPerson;
  ned: SshPerson;
  joe: SshPerson;
  /** Kate's clone of the deployed app. */
  clone: string;
}

/** Somebody's git, or git heroku, over SSH. */
function as(platform: TestPlatform, person: SshPerson): TestPlatform {
  return {
    ...platform,
    env: { ...platform.env, ...person.env },
    exec: (command, args, options = {}) =>
      platform.exec(command, args, { ...options, env: { ...person.env, ...options.env } }),
  };
}

async function addKey(platform: TestPlatform, person: SshPerson): Promise<void> {
  await must(platform, platform.dir, "heroku", "keys:add", person.publicKey, "--for", person.email);
}

/** ssh itself, with the words as they are. */
function ssh(person: SshPerson, ...words: string[]): Promise<ExecResult> {
  return new Promise((resolve) => {
    const args = [...person.ssh.slice(0, -1), ...words.slice(0, -1), person.ssh.at(-1) ?? "", words.at(-1) ?? ""];
    execFile("ssh", args, { env: { PATH: process.env["PATH"] } }, (error, stdout, stderr) =>
      resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

async function makeTeam(t: TestContext): Promise<Team> {
  const platform = await startPlatform(t);
  const sshd = await startSshd(t, platform);
  const [kate, ned, joe] = [await sshd.person("kate"), await sshd.person("ned"), await sshd.person("joe")];
  for (const person of [kate, ned, joe]) await addKey(platform, person);
  const clone = await cloneFixture(platform, "gated", "foobaz");
  await must(as(platform, kate), clone, "heroku", "create", "foobaz", "--server", sshd.server);
  await must(as(platform, kate), clone, "push", "-q", "production", "main");
  await must(as(platform, kate), clone, "heroku", "access:add", ned.email, "--permissions", "deploy,operate");
  return { platform, sshd, kate, ned, joe, clone };
}

describe(
  "ssh",
  (test) => {
    const team = test.shared(makeTeam);

    test.needing(
      MISSING_SSHD,
      "two people push, roll back, scale and follow the log, each under their own name",
      async () => {
        const { platform, sshd, kate, ned, clone } = await team();
        const neds = join(platform.dir, "neds");
        await must(as(platform, ned), platform.dir, "clone", "-q", `${sshd.server}/foobaz.git`, neds);
        // His clone's remote is origin, and leads there all the same.
        const tail = startGit(as(platform, kate), clone, ["heroku", "logs", "--tail", "--source", "heroku"]);
        await commitChange(platform, neds, "Ned's");
        const push = await as(platform, ned).exec("git", ["push", "origin", "main"], { cwd: neds });
        assert.match(push.stderr, /remote: -----> Launching\.\.\. done, v3/);
        await must(as(platform, ned), neds, "heroku", "scale", "web=0");
        await must(as(platform, kate), clone, "heroku", "rollback");
        await tail.shows("Scale to web=0 by ned@foobazco.com");
        await tail.shows("Release v4 created by kate@foobazco.com");
        process.kill(-tail.pid, "SIGINT");
        await tail.ended;
        const releases = await must(as(platform, ned), neds, "heroku", "releases", "--json");
        const told = (JSON.parse(releases) as { version: number; user: { email: string }; via: string }[]).map(
          ({ version, user, via }) => [version, user.email, via],
        );
        assert.equal(told, [
          [4, kate.email, `ssh ${kate.fingerprint}`],
          [3, ned.email, `ssh ${ned.fingerprint}`],
          [2, kate.email, `ssh ${kate.fingerprint}`],
          [1, kate.email, `ssh ${kate.fingerprint}`],
        ]);
        const log = await must(
          platform,
          platform.dir,
          "heroku",
          "logs",
          "-n",
          "1000",
          "--source",
          "heroku",
          "-a",
          "foobaz",
        );
        assert.not.match(log, /mallory|rick@/i);
      },
    );

    test.needing(MISSING_SSHD ?? MISSING_TERMINAL, "run bash at a terminal, over SSH", async (t) => {
      const { platform, ned, clone } = await team();
      const { env } = as(platform, ned);
      const words = ["heroku", "run", "PS1='app> ' exec bash --norc -i"];
      const terminal = await TestTerminal.open(t, {
        command: "git",
        args: words,
        cwd: clone,
        env,
        columns: 93,
        rows: 41,
      });
      await terminal.until("app> ");
      terminal.type("stty size; exit 3\r");
      await terminal.until("41 93");
      assert.is(await terminal.ended, 3);
    });

    test.needing(MISSING_SSHD, "a proxy leads there for who has its token, and for nobody else", async () => {
      const { platform, ned, clone } = await team();
      const ask = `
        const ask = async (token, path) => {
          const headers = { authorization: token, "git-heroku-user": "Kate <kate@foobazco.com>" };
          const answer = await fetch(process.env.HEROKU_HOST + path, { headers });
          return [answer.status, await answer.json()];
        };
        const token = "Bearer " + process.env.HEROKU_API_KEY;
        const basic = "Basic " + btoa(":" + process.env.HEROKU_API_KEY);
        const app = "/apps/" + process.env.HEROKU_APP;
        console.log(JSON.stringify([await ask(token, app), await ask(basic, "/account"), await ask("Bearer x", app), await ask("", app)]));
      `;
      const words = ["heroku", "proxy", "--", "node", "--input-type=module", "-e", ask];
      const answers = JSON.parse(await must(as(platform, ned), clone, ...words)) as [number, Record<string, unknown>][];
      assert.equal(
        answers.map(([status, { name, email, id }]) => [status, email ?? (status === 200 ? name : id)]),
        [
          [200, "foobaz"],
          [200, ned.email],
          [401, "unauthorized"],
          [401, "unauthorized"],
        ],
      );
    });

    test.needing(
      MISSING_SSHD,
      "a process is reached through the proxy as Heroku's client does it, over TLS",
      async () => {
        const { platform, ned, clone } = await team();
        const run = `
        import { once } from "node:events";
        import { connect } from "node:tls";
        const { HEROKU_HOST, HEROKU_APP, HEROKU_API_KEY } = process.env;
        const headers = { authorization: "Bearer " + HEROKU_API_KEY, "content-type": "application/json" };
        const body = JSON.stringify({ command: "read x; echo got $x", attach: true, force_no_tty: true });
        const answer = await fetch(HEROKU_HOST + "/apps/" + HEROKU_APP + "/dynos", { method: "POST", headers, body });
        const { hostname, port, pathname } = new URL((await answer.json()).attach_url);
        const client = connect({ host: hostname, port: Number(port) });
        client.write(pathname.slice(1) + "\\r\\n");
        const [greeting] = await once(client, "data");
        client.write("it\\n\\u0004");
        let said = "";
        for await (const chunk of client) said += chunk;
        const again = connect({ host: hostname, port: Number(port) });
        again.on("error", () => undefined);
        await new Promise((resolve) => again.once("close", resolve));
        console.log(JSON.stringify([String(greeting), said]));
      `;
        const words = ["heroku", "proxy", "--", "node", "--input-type=module", "-e", run];
        const heard = JSON.parse(await must(as(platform, ned), clone, ...words)) as string[];
        assert.equal(heard, ["rendezvous\r\n", "got it\n"]);
      },
    );

    test.needing(MISSING_SSHD, "to a third person the app is as if it were not there", async () => {
      const { platform, sshd, joe } = await team();
      const answers = [];
      for (const app of ["foobaz", "barfoo"]) {
        const url = `${sshd.server}/${app}.git`;
        const fetch = await as(platform, joe).exec("git", ["ls-remote", url]);
        const push = await as(platform, joe).exec("git", ["push", url, "HEAD:main"], { cwd: (await team()).clone });
        const info = await as(platform, joe).exec("git", ["heroku", "info", "--app", app], {
          env: { GIT_HEROKU_SERVER: sshd.server },
        });
        assert.equal([fetch.status, push.status, info.status], [128, 128, 1]);
        for (const { stderr } of [fetch, push, info]) assert.match(stderr, /^ ! +Couldn't find that app\.$/m);
        answers.push([fetch.stderr, push.stderr, info.stderr].join("").replaceAll(app, "APP"));
      }
      assert.is(answers[0], answers[1]);
      assert.is(
        (await must(as(platform, joe), platform.dir, "heroku", "apps", "--server", sshd.server)).includes("foobaz"),
        false,
      );
    });

    test.needing(MISSING_SSHD, "nothing gets past the forced command, and nothing of it is evaluated", async () => {
      const { platform, kate } = await team();
      const mark = join(platform.dir, "mark");
      // More of these are tried without sshd (hook/ssh-command).
      for (const words of ["", `git-upload-pack 'foobaz.git'; touch ${mark}`, "git-upload-pack '$(touch mark)'"]) {
        const { status, stdout, stderr } = await ssh(kate, words);
        assert.equal([status, stdout], [1, ""], words);
        assert.match(stderr, /nothing else/, words);
      }
      const { stdout, stderr } = await ssh(kate, "-tt", "bash");
      assert.match(stdout + stderr, /PTY allocation request failed/);
      assert.not.ok((await readdir(platform.dir)).includes("mark"));
    });

    test.needing(
      MISSING_SSHD,
      "git's protocol abused: huge lines, refs that lead elsewhere, pushes without end and too large",
      async () => {
        const { platform, kate, clone } = await team();
        await catchUp(platform, kate, clone);
        const oid = await must(platform, clone, "rev-parse", "HEAD");
        assert.not.match(await (await beginPush(kate, "fffe", "x".repeat(70_000))).said, "ok ");
        await must(as(platform, kate), clone, "heroku", "settings:set", "push-timeout=1s");
        const endless = `${"0".repeat(40)} ${oid} refs/heads/endless\0report-status`;
        await (
          await beginPush(kate, (endless.length + 4).toString(16).padStart(4, "0"), `${endless}0000`)
        ).said;
        await must(as(platform, kate), clone, "heroku", "settings:unset", "push-timeout");
        const elsewhere = ["refs/heads/../../../keys/x", "../../escape", "refs/heads/releases", "refs/heroku/state"];
        for (const ref of elsewhere) {
          const { status } = await as(platform, kate).exec("git", ["push", "production", `${oid}:${ref}`], {
            cwd: clone,
          });
          assert.is.not(status, 0, ref);
        }
        await must(as(platform, kate), clone, "heroku", "settings:set", "push-size=1MB");
        await writeFile(join(clone, "large"), randomBytes(1_500_000));
        await must(platform, clone, "add", "large");
        await must(platform, clone, "commit", "-q", "-m", "Large");
        const arrived = (): Promise<string> => must(as(platform, kate), clone, "ls-remote", "production");
        const before = await arrived();
        const large = await as(platform, kate).exec("git", ["push", "production", "main"], { cwd: clone });
        // A git that still sends when the other end has gone does not come to read why.
        assert.ok(large.status === 1 || large.status === 128, String(large.status));
        if (large.status === 1) assert.match(large.stderr, "pack exceeds maximum allowed size");
        assert.is(await arrived(), before);
        await must(as(platform, kate), clone, "heroku", "settings:unset", "push-size");
        await must(platform, clone, "reset", "-q", "--hard", oid);
      },
    );

    test.needing(
      MISSING_SSHD,
      "who somebody is is not theirs to say: environment, headers, author, push option",
      async () => {
        const { platform, ned, kate, clone } = await team();
        const claims = {
          GIT_HEROKU_USER: "Kate <kate@foobazco.com>",
          GIT_HEROKU_SESSION: "0".repeat(48),
          GIT_HEROKU_KEY: kate.fingerprint,
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: "receive.denyDeletes",
          GIT_CONFIG_VALUE_0: "false",
          GIT_PROTOCOL: `version=2:x=$(id)\n`,
          SSH_ORIGINAL_COMMAND: "sh",
          LC_ALL: "xx",
          LANG: "xx",
        };
        const said = await speak(ned, claims, claiming("/account"));
        assert.match(said, /^HTTP\/1\.1 200 /);
        assert.match(said, /"email":"ned@foobazco\.com"/);
        // What is answered to the platform's own user only is not answered to a key.
        assert.match(await speak(ned, claims, claiming("/platform")), /^HTTP\/1\.1 403 /);
        await catchUp(platform, ned, clone);
        await must(
          platform,
          clone,
          "-c",
          "user.email=kate@foobazco.com",
          "commit",
          "-q",
          "--allow-empty",
          "-m",
          "Kate's, it says",
        );
        const env = { ...ned.env, ...claims, GIT_CONFIG_COUNT: "0", GIT_PROTOCOL: "", GIT_AUTHOR_EMAIL: kate.email };
        const sent = Object.keys(claims)
          .map((name) => `-o SendEnv=${name}`)
          .join(" ");
        const push = await platform.exec("git", ["push", "-o", "user=kate@foobazco.com", "production", "main"], {
          cwd: clone,
          env: { ...env, GIT_SSH_COMMAND: `${ned.env["GIT_SSH_COMMAND"] ?? ""} ${sent}` },
        });
        const pushed =
          push.status === 0 ? push : await platform.exec("git", ["push", "production", "main"], { cwd: clone, env });
        assert.is(pushed.status, 0, pushed.stderr);
        const [newest] = JSON.parse(
          await must(as(platform, ned), clone, "heroku", "releases", "-n", "1", "--json"),
        ) as {
          user: { email: string };
        }[];
        assert.is(newest?.user.email, ned.email);
      },
    );

    test.needing(MISSING_SSHD, "a key of two people, and a key that is removed during a session", async () => {
      const { platform, sshd, kate, ned, clone } = await team();
      const sue = await sshd.person("sue");
      await addKey(platform, sue);
      const twice = await platform.exec("git", ["heroku", "keys:add", sue.publicKey, "--for", "eve@foobazco.com"]);
      assert.match(twice.stderr, /is another person's already/);
      assert.not.match(twice.stderr, /sue@/);
      const own = await as(platform, ned).exec(
        "git",
        ["heroku", "keys:add", sue.publicKey, "--for", "kate@foobazco.com"],
        { cwd: clone },
      );
      assert.match(own.stderr, /for yourself only/);
      await must(as(platform, kate), clone, "heroku", "access:add", sue.email, "--permissions", "deploy,operate");
      const tail = startGit(as(platform, sue), clone, ["heroku", "logs", "--tail"]);
      await tail.shows("heroku[");
      await catchUp(platform, kate, clone);
      await commitGate(platform, clone, "sue");
      const push = startGit(as(platform, sue), clone, ["push", "production", "main"]);
      await push.shows(AT_GATE);
      const oid = await must(platform, clone, "rev-parse", "production/main");
      const words = `${"0".repeat(40)} ${oid} refs/heads/stolen\0report-status`;
      const half = await beginPush(sue, (words.length + 4).toString(16).padStart(4, "0"), `${words}0000`);
      await must(platform, platform.dir, "heroku", "keys:remove", sue.fingerprint);
      // Its build ends although the gate stays shut; what had not arrived as a whole is cut off.
      const { status, stderr } = await push.ended;
      assert.not.match(await half.said, "ok refs/");
      assert.is(await must(platform, platform.dir, "ls-remote", join(platform.home, "repos/foobaz.git"), "stolen"), "");
      assert.is(status, 1);
      assert.match(stderr, /Your SSH key was removed from this platform/);
      assert.match(stderr, /not allowed any more/);
      // The stream has ended, and does not begin again.
      assert.match((await tail.ended).stderr, /ssh to .*denied|key was removed/i);
      const keys = await readFile(join(platform.home, "ssh", "authorized_keys"), "utf8");
      assert.is(keys.match(/^restrict,command=/gm)?.length, 3);
      const late = await as(platform, sue).exec("git", ["heroku", "ps"], { cwd: clone });
      assert.match(late.stderr, /denied/i);
    });
  },
  LIMIT_MS,
);

/** A request that says to be somebody else's. */
function claiming(path: string): string {
  const headers = [
    "Host: localhost",
    "Git-Heroku-User: Kate <kate@foobazco.com>",
    "X-Forwarded-User: kate@foobazco.com",
  ];
  return [`GET ${path} HTTP/1.1`, ...headers, "Connection: close", "", ""].join("\r\n");
}

/** Another clone may have pushed. */
async function catchUp(platform: TestPlatform, person: SshPerson, clone: string): Promise<void> {
  await must(as(platform, person), clone, "fetch", "-q", "production");
  await must(platform, clone, "reset", "-q", "--hard", "production/main");
}

/** A push whose pack does not come. */
async function beginPush(person: SshPerson, ...sent: string[]): Promise<{ said: Promise<string> }> {
  const { env } = process;
  const git = spawn("ssh", [...person.ssh, "git-receive-pack 'foobaz.git'"], { env: { PATH: env["PATH"] } });
  git.stdin.on("error", () => undefined);
  const said = text(git.stdout);
  await once(git.stdout, "readable");
  git.stdin.write(sent.join(""));
  return { said };
}

/** Raw bytes to the platform's own protocol, and all that comes back. */
async function speak(person: SshPerson, env: Record<string, string>, bytes: string): Promise<string> {
  const sending = Object.keys(env).flatMap((name) => ["-o", `SendEnv=${name}`]);
  const words = [...person.ssh.slice(0, -1), ...sending, person.ssh.at(-1) ?? "", "git-heroku-api"];
  const child = spawn("ssh", words, { env: { PATH: process.env["PATH"], ...env }, stdio: ["pipe", "pipe", "ignore"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (said += piece));
  child.stdin.write(bytes);
  await once(child, "close");
  return said;
}
