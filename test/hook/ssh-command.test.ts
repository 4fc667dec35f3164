/** The forced command of an SSH key, run as sshd runs it: what it lets through, in which words, and that what a client asks for
 *  is never evaluated. */
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Doors } from "../../src/hook/doors.ts";
import { chooseHookClient, formatHookEnv, ncEndSwitch } from "../../src/hook/hook-client.ts";
import { probeProgram } from "../../src/hook/probe-program.ts";
import { parseSshRequest } from "../../src/hook/ssh-registration.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { HOOKS, NODE_CLIENT } from "./push-lab.ts";

const FINGERPRINT = `SHA256:${"a+/".repeat(14)}Z`;

interface Stage {
  dir: string;
  /** What the forced command has said at the door, as a request. */
  asked: unknown[];
  run: (
    asked: string | undefined,
    env?: Record<string, string>,
  ) => Promise<{ status: number; stdout: string; stderr: string }>;
}

/** @param answer what the daemon answers */
async function stage(t: TestContext, answer: string): Promise<Stage> {
  const dir = await t.tempDir();
  await mkdir(join(dir, "doors", "p"), { recursive: true });
  const client = await chooseHookClient(probeProgram);
  const files = {
    node: process.execPath,
    nodeClient: NODE_CLIENT,
    daemon: "/nowhere",
    home: dir,
    log: join(dir, "log"),
  };
  await writeFile(
    join(dir, "hook-env"),
    formatHookEnv({ client, ncEnd: await ncEndSwitch(probeProgram), ...files, startSeconds: 0 }),
  );
  const asked: unknown[] = [];
  const listen = async (name: string, say: (line: string) => string): Promise<void> => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes.toString();
        if (text.endsWith("\n")) socket.end(say(text.slice(0, -1)));
      });
    });
    await new Promise<void>((resolve) => server.listen(join(dir, "doors", name), resolve));
    t.after(() => server.close());
  };
  await listen("ssh.sock", (line) => {
    asked.push(parseSshRequest(line) ?? line);
    return answer;
  });
  await listen("p/door", (line) => `heard ${line}\n`);
  const run: Stage["run"] = (words, env = {}) =>
    new Promise((resolve) => {
      const original = words === undefined ? {} : { SSH_ORIGINAL_COMMAND: words };
      const child = execFile(
        join(HOOKS, "ssh-command"),
        [dir, FINGERPRINT],
        { env: { PATH: process.env["PATH"], ...env, ...original }, cwd: dir },
        (error, stdout, stderr) => resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
      );
      child.stdin?.on("error", () => undefined).end("hello\n");
    });
  return { dir, asked, run };
}

describe("doors that another user's group may enter", (test) => {
  test("belong to it, by the set-group-id bit only where it is not the daemon's own group", async (t) => {
    const root = await t.tempDir();
    const groups = process.getuid?.() === 0 ? [process.getegid?.() ?? 0, 65_534] : [process.getegid?.() ?? 0];
    for (const group of groups) {
      const parent = join(root, String(group));
      await mkdir(parent);
      await chown(parent, process.geteuid?.() ?? 0, group);
      await chmod(parent, 0o2750);
      const doors = await Doors.prepare(join(parent, "doors"), true);
      t.after(() => doors.close());
      const { mode, gid } = await stat(join(parent, "doors", "p"));
      assert.equal([gid, mode & 0o7777], [group, group === process.getegid?.() ? 0o750 : 0o2750]);
    }
  });
});

describe("forced command", (test) => {
  test("lets git and the API through to a door of their own", async (t) => {
    const { asked, run } = await stage(t, "door\n");
    const good: [words: string, service: string, app: string][] = [
      ["git-receive-pack 'foobaz.git'", "git-receive-pack", "foobaz"],
      ["git-receive-pack '/foobaz.git'", "git-receive-pack", "foobaz"],
      ["git-upload-pack 'foobaz'", "git-upload-pack", "foobaz"],
      ["git-upload-pack '/foo-baz2'", "git-upload-pack", "foo-baz2"],
      ["git-heroku-api", "api", ""],
    ];
    for (const [words, service, app] of good) {
      const { status, stdout, stderr } = await run(words, { GIT_PROTOCOL: "version=2" });
      assert.equal([status, stdout, stderr], [0, "heard hello\n", ""], words);
      assert.equal(asked.pop(), { fingerprint: FINGERPRINT, service, app, protocol: "version=2" });
    }
  });

  test("app names and refs that would escape it get nowhere, and nothing is evaluated", async (t) => {
    const { dir, asked, run } = await stage(t, "door\n");
    const before = await readdir(dir);
    const escapes = [
      undefined,
      "",
      "sh",
      "touch mark",
      "git-upload-pack 'foobaz.git'; touch mark",
      "git-upload-pack 'foobaz.git' && touch mark #'",
      "git-upload-pack '$(touch mark)'",
      "git-upload-pack '`touch mark`'",
      "git-upload-pack 'foobaz.git' 'x'",
      "git-upload-pack '../repos/foobaz.git'",
      "git-upload-pack 'foobaz/../barfoo.git'",
      `git-upload-pack '${dir}/repos/foobaz.git'`,
      "git-upload-pack '~/foobaz.git'",
      "git-upload-pack '--upload-pack=touch mark'",
      "git-upload-pack '-foobaz'",
      "git-upload-pack --strict 'foobaz.git'",
      "git-upload-pack --upload-pack=x 'foobaz.git'",
      "git-upload-pack 'foobaz.git\ntouch mark'",
      "git-upload-pack 'foobaz.git'\ntouch mark\n'",
      "git-upload-pack 'foobaz\t.git'",
      "git-upload-pack 'foo baz.git'",
      "git-upload-pack 'foobaz*'",
      "git-upload-pack 'FOOBAZ.git'",
      "git-upload-pack 'f\u00f6\u00f6baz.git'",
      "git-upload-pack ''",
      "git-upload-pack '",
      "git-upload-pack foobaz.git",
      'git-upload-pack "foobaz.git"',
      "git-upload-archive 'foobaz.git'",
      "git upload-pack 'foobaz.git'",
      "git-heroku-api ",
      "git-heroku-api; touch mark",
      " git-heroku-api",
      "scp -t .",
      "internal-sftp",
    ];
    for (const words of escapes) {
      const { status, stdout, stderr } = await run(words);
      assert.equal([status, stdout], [1, ""], words);
      assert.match(stderr, /^ ! {5}A key of this platform opens git and `git heroku`, nothing else\.\n/, words);
    }
    assert.equal(asked, []);
    assert.equal(await readdir(dir), before);
  });

  test("of the client's environment nothing counts but a protocol version", async (t) => {
    const { asked, run } = await stage(t, "door\n");
    const env = {
      GIT_HEROKU_USER: "Kate <kate@foobazco.com>",
      ENV: "/nowhere",
      IFS: "i",
      client: "node",
      nc: "false",
      sockets: "..",
      hooks: "/nowhere",
    };
    for (const protocol of ["version=2:x", "version=2\n1\tSHA256:x\tapi\t\t", "$(id)", "version=3"]) {
      const { status, stdout } = await run("git-upload-pack 'foobaz.git'", { ...env, GIT_PROTOCOL: protocol });
      assert.equal([status, stdout], [0, "heard hello\n"]);
      assert.equal(asked.pop(), { fingerprint: FINGERPRINT, service: "git-upload-pack", app: "foobaz", protocol: "" });
    }
  });

  test("shows the daemon's refusal as it is; a daemon that is away is another matter", async (t) => {
    const { dir, run } = await stage(
      t,
      '!Couldn\'t find that app.\nThere is no app "a*" $(touch mark) `touch mark` %s\n',
    );
    const { status, stdout, stderr } = await run("git-heroku-api");
    assert.equal([status, stdout], [1, ""]);
    assert.is(stderr, ' !     Couldn\'t find that app.\n !     There is no app "a*" $(touch mark) `touch mark` %s\n');
    const { status: away } = await runAway(t, dir);
    assert.is(away, 75);
  });

  test("the daemon takes a registration for what it is, and nothing else", () => {
    const odd = [
      "",
      `2\t${FINGERPRINT}\tapi\t\t`,
      `1\tSHA256:short\tapi\t\t`,
      `1\t${FINGERPRINT}\tapi\tfoobaz\t`,
      `1\t${FINGERPRINT}\tsh\t\t`,
      `1\t${FINGERPRINT}\tgit-upload-pack\t\t`,
      `1\t${FINGERPRINT}\tgit-upload-pack\t../x\t`,
      `1\t${FINGERPRINT}\tgit-upload-pack\tfoobaz\tversion=2:x`,
      `1\t${FINGERPRINT}\tgit-upload-pack\tfoobaz\tversion=2\tmore`,
    ];
    for (const line of odd) assert.is(parseSshRequest(line), undefined, line);
  });
});

/** The same where nobody listens. */
function runAway(t: TestContext, dir: string): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    t.tempDir()
      .then(async (other) => {
        await writeFile(
          join(other, "hook-env"),
          `client=node\nnode='${process.execPath}'\nnode_client='${NODE_CLIENT}'\nhome='${dir}'\nstart_seconds=0\n`,
        );
        execFile(
          join(HOOKS, "ssh-command"),
          [other, FINGERPRINT],
          { env: { PATH: process.env["PATH"], SSH_ORIGINAL_COMMAND: "git-heroku-api" } },
          (error) => resolve({ status: Number(error?.code ?? 0) }),
        );
        return undefined;
      })
      .catch(reject);
  });
}
