/** Config vars as people keep them, in files and editors, against a real platform, the real dotenv and a real terminal. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "dotenv";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { scanDotenv } from "../../src/core/dotenv-text.ts";
import { cloneFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { nastyValue } from "../support/nasty-vars.ts";
import { borrowPlatform, startPlatform, type ExecResult, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { PROGRAM, ROOT, runTranscript } from "../support/transcript.ts";
import { pathsWith } from "../support/tree.ts";

const SECRET = "hush-5f2d81";
/** Brings a text that is not understood, and what it should have been the second time. */
const SLOW_LEARNER = `f() { if grep -q ^oops "$1"; then sed -i s/^oops/NEW=1/ "$1"; else echo oops >> "$1"; fi; }; f`;

interface Scene {
  platform: TestPlatform;
  clone: string;
  /** Where editors get their files. */
  drafts: string;
  run: (script: string, env?: Record<string, string>) => Promise<ExecResult>;
}

async function setUp(platform: TestPlatform): Promise<Scene> {
  const clone = await cloneFixture(platform, "foobaz");
  await must(platform, clone, "heroku", "create", "foobaz");
  const drafts = join(platform.dir, "drafts");
  await mkdir(drafts);
  const run = (script: string, env: Record<string, string> = {}): Promise<ExecResult> =>
    platform.exec("sh", ["-c", script], { cwd: clone, env: { TMPDIR: drafts, ...env } });
  return { platform, clone, drafts, run };
}

/** Types the text into the command's terminal. */
function onTerminal(scene: Scene, command: string, typed: string): Promise<ExecResult> {
  return scene.run(`printf %s "$TYPED" | script -qefc "$COMMAND" /dev/null`, {
    COMMAND: command,
    TYPED: typed,
    TERM: "xterm",
    GIT_EDITOR: SLOW_LEARNER,
  });
}

describe("config vars", (test) => {
  const common = test.shared(startPlatform);

  test("edit, import, export, rotate-key", async (t) => {
    const { platform, clone, drafts } = await setUp(await borrowPlatform(t, common));
    await must(platform, clone, "push", "-q", "production", "main");
    await untilUp(platform, "foobaz", 1);
    const env = { ...platform.env, TMPDIR: drafts };
    await runTranscript(join(ROOT, "test/transcripts/config-vars.txt"), { cwd: clone, env });
  });

  test("what is exported is imported, and dotenv reads the same", async (t) => {
    const { platform, run } = await setUp(await borrowPlatform(t, common));
    const client = platformClient(platform);
    await client.createApp("other");
    const values = fc.sample(nastyValue, 15);
    const nasty = values.map((value, index): [string, string] => [`V${String(index)}`, value]);
    const vars = { ...Object.fromEntries(nasty), MODE: "old" };
    await client.changeConfig("foobaz", vars);
    const copied = await run("git heroku config:export > all.env && git heroku config:import -a other < all.env");
    assert.is(copied.status, 0, copied.stderr);
    assert.equal(await client.config("other"), vars, JSON.stringify(values));
    const { stdout } = await run("cat all.env");
    const read: Record<string, string> = parse(stdout);
    const expected: Record<string, string> = vars;
    for (const { name, isBase64 } of scanDotenv(stdout)) if (!isBase64) assert.is(read[name], expected[name]);
    assert.equal(JSON.parse((await run("git heroku config:export --json -a other")).stdout), vars);
    const edited = await run("git heroku config:edit -a other", { GIT_EDITOR: "sed -i s/^MODE=old$/MODE=new/" });
    assert.is(edited.status, 0, edited.stderr);
    assert.equal(await client.config("other"), { ...vars, MODE: "new" }, JSON.stringify(values));
  });

  test("on a terminal a text that is not understood is offered again", async (t) => {
    const scene = await setUp(await borrowPlatform(t, common));
    const client = platformClient(scene.platform);
    const given = await onTerminal(scene, "git heroku config:edit", "n\n");
    assert.is(given.status, 1, given.stdout);
    assert.match(given.stdout, "is not understood.");
    assert.match(given.stdout, "Edit again? [Y/n] ");
    assert.match(given.stdout, "Nothing was changed.");
    assert.equal(await client.config("foobaz"), {});
    const mended = await onTerminal(scene, "git heroku config:edit", "y\n");
    assert.is(mended.status, 0, mended.stdout);
    assert.match(mended.stdout, /added {4}NEW\r\n.*done, v2\r\n/);
    assert.equal(await client.config("foobaz"), { NEW: "1" });
    const piped = await onTerminal(scene, "git heroku config:import", "A=1\n");
    assert.is(piped.status, 2);
    assert.match(piped.stdout, "Name a file, or give one on standard input.");
    assert.equal(await readdir(scene.drafts), []);
  });

  test("a signal removes the file that is edited", async (t) => {
    const { platform, clone, drafts } = await setUp(await borrowPlatform(t, common));
    for (const signal of ["SIGTERM", "SIGHUP"] as const) {
      const env = { ...platform.env, TMPDIR: drafts, GIT_EDITOR: "f() { echo editing; read -r line; }; f" };
      const child = spawn(process.execPath, [PROGRAM, "config:edit"], {
        cwd: clone,
        env,
        stdio: ["pipe", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      assert.is((await readdir(drafts)).length, 1);
      const [ended, closed] = [once(child, "exit"), once(child, "close")];
      child.kill(signal);
      assert.equal(await ended, [null, signal]);
      assert.equal(await readdir(drafts), []);
      await closed;
    }
    assert.equal(await platformClient(platform).config("foobaz"), {});
  });
});

describe("secrets", (test) => {
  test("stay out of arguments, logs, messages and files, also when something fails", async (t) => {
    const { platform, clone, drafts, run } = await setUp(await startPlatform(t));
    await writeFile(join(clone, "good.env"), `SECRET=${SECRET}\nKEEP=1\n`);
    await writeFile(join(clone, "new.env"), `SECRET='${SECRET} again'\nKEEP=1\n`);
    const bad = [
      `${SECRET}\n`,
      `SECRET="${SECRET}\n`,
      `${SECRET}=1\n`,
      `A=encrypted:${SECRET}\n`,
      `A=${SECRET}\\000`,
      `PORT=${SECRET}\n`,
    ];
    const look = "cat /proc/[0-9]*/cmdline > argv.txt 2> /dev/null; true";
    const said = [
      await run("git heroku config:import good.env"),
      ...(await Promise.all(bad.map((text) => run(`printf '${text}' | git heroku config:import`)))),
      await run("git heroku config:edit", editor(`cat new.env > "$1"; ${look}`)),
      await run("git heroku config:edit", editor(`cat good.env > "$1"; echo ${SECRET} >> "$1"`)),
      await run("git heroku config:edit", editor(`cat good.env > "$1"; git heroku config:remove SECRET`)),
      await run("git heroku config:edit", editor(`cat good.env > "$1"; exit 3`)),
      await run("git heroku config:rotate-key"),
      await run("git heroku config:import good.env"),
      await run("git heroku logs -n 1000 --source heroku"),
    ];
    const failed = said.filter(({ status }) => status !== 0).length;
    assert.is(failed, bad.length + 3, JSON.stringify(said));
    const shown = said.map(({ stdout, stderr }) => stdout + stderr).join("");
    assert.not.match(shown, SECRET);
    assert.not.match(await readFile(join(clone, "argv.txt"), "latin1"), SECRET);
    assert.match(await readFile(join(clone, "argv.txt"), "latin1"), "config:edit");
    assert.is((await readdir(drafts)).length, 2, `only the two texts that were kept: ${JSON.stringify(said)}`);
    assert.equal(await pathsWith(platform.home, SECRET), []);
    const repo = join(platform.home, "repos/foobaz.git");
    const objects = await platform.exec("git", ["-C", repo, "cat-file", "--batch", "--batch-all-objects"]);
    assert.match(objects.stdout, "Config rotate key");
    assert.not.match(objects.stdout, SECRET);
  });
});

function editor(body: string): Record<string, string> {
  return { GIT_EDITOR: `f() { ${body}; }; f` };
}
