/** `git heroku run` by the hand of a user, at a real terminal and with pipes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import * as assert from "uvu/assert";
import { untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient } from "../support/deploy.ts";
import { poll } from "../support/poll.ts";
import { borrowPlatform, startPlatform, untilGone, type TestPlatform } from "../support/platform.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { MISSING_TERMINAL, TestTerminal } from "../support/terminal.ts";

const SIZE = { columns: 93, rows: 41 };
/** What a person would do before and after, to see that the terminal becomes again what it was. */
const AROUND =
  'before=$(stty -g); "$@"; echo "left with $?"; until [ "$before" = "$(stty -g)" ]; do sleep 0.05; done; echo as it was';

function sitDown(t: TestContext, platform: TestPlatform, cwd: string, ...words: string[]): Promise<TestTerminal> {
  const args = ["-c", AROUND, "sh", "git", "heroku", "run", ...words];
  return TestTerminal.open(t, { command: "/bin/sh", args, cwd, env: platform.env, ...SIZE });
}

/** The pid of the program that git has started for `git heroku run`. */
function findClient(cwd: string): Promise<number> {
  return poll(async () => {
    for (const entry of await readdir("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      const command = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
      const directory = await readlink(`/proc/${entry}/cwd`).catch(() => "");
      if (/^node\0[^\0]*git-heroku\0run\0/.test(command) && directory === cwd) return Number(entry);
    }
    return undefined;
  });
}

describe("run", (test) => {
  const common = test.shared(startPlatform);

  test.needing(MISSING_TERMINAL, "with pipes: input to its end, outputs apart, the status, a signal", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    const child = spawn("git", ["heroku", "run", "--env", "A=b c", 'cat; echo "$A" >&2; kill -9 $$'], {
      cwd: clone,
      env: platform.env,
    });
    const every = Buffer.alloc(300_000, Buffer.from(Array.from({ length: 256 }, (_, index) => index)));
    child.stdin.end(every);
    const texts = Promise.all([child.stdout, child.stderr].map((stream) => collect(stream)));
    const [status] = (await once(child, "close")) as [number];
    const [stdout, stderr] = (await texts) as [Buffer, Buffer];
    assert.is(status, 137);
    assert.ok(stdout.equals(every));
    assert.match(stderr.toString(), /^Running cat; echo "\$A" >&2; kill -9 \$\$ on foobaz\.\.\. up, run\.\d+\nb c\n$/);
    // A signal for the client is one for the process.
    const waiting = spawn(
      "git",
      ["heroku", "run", "--", "sh", "-c", "trap \"echo he''ard; exit 4\" INT; echo up; while :; do sleep 0.05; done"],
      {
        cwd: clone,
        env: platform.env,
      },
    );
    await once(waiting.stdout, "data");
    process.kill(await findClient(clone), "SIGINT");
    const [heard] = (await once(waiting.stdout, "data")) as [Buffer];
    assert.is(heard.toString(), "heard\n");
    assert.equal(await once(waiting, "close"), [4, null]);
    const log = (): Promise<string> => must(platform, clone, "heroku", "logs", "-n", "1000");
    await untilSame(true, async () => /heroku\[run\.\d+\]: Process exited with status 137/.test(await log()));
    assert.not.match(await log(), "heard");
  });

  test.needing(
    MISSING_TERMINAL,
    "at a terminal: a shell, its size, Ctrl-C, its status, and the terminal as before",
    async (t) => {
      const platform = await borrowPlatform(t, common);
      const clone = await deployFixture(platform, "foobaz");
      const terminal = await sitDown(t, platform, clone, "PS1='app> ' exec bash --norc -i");
      await terminal.until("on foobaz... up, run.");
      await terminal.until("app> ");
      const run = (await platformClient(platform).dynos("foobaz")).find(({ type }) => type === "run");
      assert.is(run?.state, "up");
      terminal.type("stty size; echo $TERM $COLUMNS\n");
      await terminal.until("41 93\r\ndumb 93\r\n");
      terminal.resize({ columns: 120, rows: 50 });
      terminal.type("until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo gr''own\n");
      await terminal.until("grown\r\n");
      terminal.type("(echo sl''eep; exec sleep 600)\n");
      await terminal.until("sleep\r\n");
      terminal.type("\u0003");
      terminal.type("echo st''atus $?\n");
      await terminal.until("status 130\r\n");
      terminal.type("exit 3\n");
      await terminal.until("left with 3\r\nas it was\r\n");
      assert.is(await terminal.ended, 0);
    },
  );

  test.needing(
    MISSING_TERMINAL,
    "a client that is killed leaves its terminal as it was, and its process is hung up",
    async (t) => {
      const platform = await borrowPlatform(t, common);
      const clone = await deployFixture(platform, "foobaz");
      for (const [signal, status] of [
        ["SIGKILL", 137],
        ["SIGTERM", 143],
      ] as const) {
        const terminal = await sitDown(t, platform, clone, "echo re''ady; exec sleep 600");
        await terminal.until("ready\r\n");
        process.kill(await findClient(clone), signal);
        await terminal.until(`left with ${String(status)}`);
        // The guard is as quick as it can, but nobody waits for it.
        terminal.type("");
        await terminal.ended;
        await untilSame([], async () =>
          (await platformClient(platform).dynos("foobaz")).filter(({ type }) => type === "run"),
        );
      }
      const log = await must(platform, clone, "heroku", "logs", "--ps", "run");
      assert.is(log.match(/Client connection closed. Sending SIGHUP to all processes/g)?.length, 2);
      assert.is(log.match(/Process exited with status 129/g)?.length, 2);
    },
  );

  test.needing(
    MISSING_TERMINAL,
    "a daemon that is killed: the client says so, and nothing is left behind",
    async (t) => {
      const platform = await borrowPlatform(t, common);
      const clone = await deployFixture(platform, "foobaz");
      const terminal = await sitDown(t, platform, clone, "echo re''ady; exec sleep 600");
      await terminal.until("ready\r\n");
      const run = (await platformClient(platform).dynos("foobaz", true)).find(({ type }) => type === "run");
      await platform.kill();
      await terminal.until("The connection to run.");
      await terminal.until("left with 1\r\nas it was\r\n");
      await untilGone(run?.extended?.pid ?? 0);
      await platform.start();
      await untilSame([], async () =>
        (await platformClient(platform).dynos("foobaz")).filter(({ type }) => type === "run"),
      );
      assert.match(await must(platform, clone, "heroku", "logs", "--ps", "run"), "Process exited with status 129");
    },
  );
});

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
