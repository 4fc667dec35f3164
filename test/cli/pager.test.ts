/** Paging at a real terminal (util-linux' script makes one), with the pagers that git would choose. */
import { spawn, spawnSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { FakePlatform } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { makeStage, type Stage } from "../support/transcript.ts";

interface TerminalRun {
  /** What the terminal showed, line ends as a program writes them. */
  shown: string;
  status: number | null;
}

interface Scene {
  stage: Stage;
  fake: FakePlatform;
  /** Runs a shell command at a terminal. */
  atTerminal(command: string, env?: Record<string, string>): Promise<TerminalRun>;
}

async function setScene(t: TestContext, files = 3): Promise<Scene> {
  const directory = await t.tempDir();
  const fake = await FakePlatform.start(join(directory, "platform"));
  t.after(() => fake.stop());
  const app = fake.addApp("foobaz");
  const base = fake.addRelease(app, "Deploy d706b4a");
  const release = fake.addRelease(app, "Deploy 20a5742");
  const names = Array.from({ length: files }, (_, n) => `file-${String(n)}.js`);
  const diff = {
    base,
    release,
    commits: { added: [], removed: [], truncated: false },
    files: names.map((path) => ({ path, previous_path: null, status: "changed", binary: false, added: 1, removed: 1 })),
    totals: { files, added: files, removed: files },
    lock_files: [],
    config: { added: ["ADDED"], changed: [], removed: [] },
    process_types: [],
    addons: [],
  };
  fake.override = ({ url }, response) => {
    if (!url.includes("/diff")) return undefined;
    if (!url.includes("patch=true")) return { body: diff };
    response.writeHead(200, { "content-type": "text/x-diff" });
    const green = url.includes("color=true") ? ["\u001b[32m", "\u001b[m"] : ["", ""];
    response.end(Buffer.from(`${green[0] ?? ""}+caf\xe9 \u0007${green[1] ?? ""}\n`.repeat(files), "latin1"));
    return undefined;
  };
  const stage = await makeStage(directory, { GIT_HEROKU_HOME: fake.home, TERM: "xterm" });
  return {
    stage,
    fake,
    atTerminal: (command, env = {}) => runAtTerminal(command, { ...stage.env, ...env }, stage.cwd),
  };
}

function runAtTerminal(command: string, env: Record<string, string>, cwd: string): Promise<TerminalRun> {
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  let shown = "";
  child.stdout.setEncoding("latin1").on("data", (text: string) => (shown += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ shown: shown.replaceAll("\r\n", "\n"), status }));
  });
}

/** A pager that tells what it was given. */
async function makePager(scene: Scene, name: string, script: string): Promise<string> {
  const path = join(scene.stage.env["HOME"] ?? "", name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const DIFF = "git-heroku releases:diff --app foobaz";
const script = spawnSync("script", ["--version"]).status === 0 ? undefined : "script, of util-linux";

describe("pager", (test) => {
  test.needing(script, "is the one that git would run, with git's usual settings of less", async (t) => {
    const scene = await setScene(t);
    for (const name of ["env", "core", "plain"]) {
      await makePager(scene, name, `echo "paged by ${name} with LESS=$LESS LV=$LV"; cat`);
    }
    const home = scene.stage.env["HOME"] ?? "";
    const PAGER = join(home, "plain");
    const first = await scene.atTerminal(DIFF, { PAGER });
    assert.match(first.shown, /^paged by plain with LESS=FRX LV=-c\n=== v2 to v3\n/);
    assert.is(first.status, 0);
    await writeFile(join(home, ".gitconfig"), `[core]\n\tpager = ${join(home, "core")}\n`);
    assert.match((await scene.atTerminal(DIFF, { PAGER, LESS: "R" })).shown, /^paged by core with LESS=R LV=-c\n/);
    assert.match((await scene.atTerminal(DIFF, { PAGER, GIT_PAGER: `${home}/env` })).shown, /^paged by env with/);
    for (const GIT_PAGER of ["cat", ""]) {
      assert.match((await scene.atTerminal(DIFF, { PAGER, GIT_PAGER })).shown, /^=== v2 to v3\n/);
    }
  });

  test.needing(script, "is not used, and nothing is coloured, where the output is no terminal", async (t) => {
    const scene = await setScene(t);
    const GIT_PAGER = await makePager(scene, "pager", "echo paged; cat");
    const { shown } = await scene.atTerminal(`${DIFF} | od -c | head -1; ${DIFF} > out; cat out`, { GIT_PAGER });
    assert.match(shown, /^0+ +=   =   =/);
    assert.not.match(shown, /paged|\u001b/);
    assert.match(shown, "\n+ ADDED\n");
  });

  test.needing(script, "colours as git is told to", async (t) => {
    const scene = await setScene(t);
    const green = "\u001b[32m+ ADDED";
    const config = join(scene.stage.env["HOME"] ?? "", ".gitconfig");
    const shown = async (env: Record<string, string> = {}, options = ""): Promise<string> =>
      (await scene.atTerminal(DIFF + options, { GIT_PAGER: "cat", ...env })).shown;
    assert.match(await shown(), green);
    assert.match(await shown({ GIT_PAGER: "tr a a" }), green);
    assert.not.match(await shown({ NO_COLOR: "1" }), "\u001b");
    assert.not.match(await shown({ TERM: "dumb" }), "\u001b");
    assert.match(await shown({}, " --patch"), "\u001b[32m+");
    for (const setting of ["[color]\n\tui = false\n", "[color]\n\tdiff = never\n"]) {
      await writeFile(config, setting);
      assert.not.match(await shown(), "\u001b");
      assert.not.match(await shown({}, " --patch"), "\u001b");
    }
  });

  test.needing(script, "a patch is harmless at a terminal and untouched elsewhere", async (t) => {
    const scene = await setScene(t);
    const { shown } = await scene.atTerminal(`${DIFF} -p`, { GIT_PAGER: "cat", NO_COLOR: "1" });
    assert.match(shown, /^\+caf.* \^G\n/);
    const { shown: dump } = await scene.atTerminal(`${DIFF} -p | od -An -c | head -1`, {});
    assert.match(dump, /^ *\+ {3}c {3}a {3}f 351 {6}\\a {2}\\n/);
  });

  test.needing(script, "that is left early ends the command quietly, however much is to come", async (t) => {
    const scene = await setScene(t, 20_000);
    const GIT_PAGER = await makePager(scene, "first", "head -1");
    for (const options of ["", " --patch"]) {
      const { shown, status } = await scene.atTerminal(DIFF + options, { GIT_PAGER, NO_COLOR: "1" });
      assert.is(status, 0);
      assert.is(shown.split("\n").length, 2, shown.slice(0, 200));
    }
  });

  test.needing(script, "that cannot be run is named", async (t) => {
    const scene = await setScene(t, 20_000);
    const { shown, status } = await scene.atTerminal(DIFF, { GIT_PAGER: "no-such-pager", NO_COLOR: "1" });
    assert.is(status, 1);
    assert.match(shown, ' !    The pager "no-such-pager" could not be run.\n !    Set GIT_PAGER');
  });

  test.needing(script, "an interrupt is the pager's to handle", async (t) => {
    const scene = await setScene(t);
    const GIT_PAGER = await makePager(
      scene,
      "patient",
      "trap 'echo went on' INT; cat > /dev/null; kill -INT 0; echo end",
    );
    const { shown, status } = await scene.atTerminal(`exec ${DIFF}`, { GIT_PAGER });
    assert.match(shown, /went on[\s\S]*end\n/);
    assert.is(status, 0);
  });
});
