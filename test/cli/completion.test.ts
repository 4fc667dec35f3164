/** The completion scripts in real shells, at a terminal: a line is typed up to the TAB, and what the shell then runs is
 *  looked at. The platform is a small one that answers from memory. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { cli } from "../support/cli.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { MISSING_TERMINAL, TestTerminal } from "../support/terminal.ts";
import { makeStage, type Stage } from "../support/transcript.ts";

const BASH_COMPLETION = "/usr/share/bash-completion/bash_completion";
const GITS_OWN = "/usr/share/bash-completion/completions/git";

/** Up to the TAB, and what the line is after it. */
const PROGRAM_LINES: readonly (readonly [typed: string, completed: string])[] = [
  ["git-heroku ps:sc", "git-heroku ps:scale"],
  ["git-heroku logs:imports:rem", "git-heroku logs:imports:remove"],
  ["git-heroku apps:info --js", "git-heroku apps:info --json"],
  ["git-heroku settings:set exit-t", "git-heroku settings:set exit-timeout="],
  ["git-heroku help releases:inf", "git-heroku help releases:info"],
  ["git-heroku logs --level warn", "git-heroku logs --level warning"],
  ["git-heroku ps -r prod", "git-heroku ps -r production"],
  ["git-heroku ps --app=foob", "git-heroku ps --app=foobaz"],
  ["git-heroku config:import dot", "git-heroku config:import dotted"],
];
const GIT_LINES: typeof PROGRAM_LINES = [
  ["git heroku maintenance:of", "git heroku maintenance:off"],
  ["git heroku config:get --app foobaz DATABASE", "git heroku config:get --app foobaz DATABASE_URL"],
  ["git heroku rollback v", "git heroku rollback v1"],
  ["git heroku scale wor", "git heroku scale worker="],
];

async function makeLab(t: TestContext): Promise<Stage> {
  const directory = await t.tempDir();
  const fake = await FakePlatform.start(join(directory, "platform"));
  t.after(() => fake.stop());
  const { config, formation } = fake.addApp("foobaz");
  Object.assign(config, { DATABASE_URL: "postgres://secret", "$(exit)": "1" });
  formation.push({ type: "worker", quantity: 1, command: "node worker.js" });
  const stage = await makeStage(directory, { GIT_HEROKU_HOME: fake.home, TERM: "dumb", NO_COLOR: "1" });
  const git = (...args: string[]): unknown => spawnSync("git", args, stage);
  git("init", "-q");
  git("remote", "add", "production", join(fake.home, "repos", "foobaz.git"));
  await writeFile(join(stage.cwd, "dotted"), "A=1\n");
  return stage;
}

async function install(stage: Stage, shell: string, path: string): Promise<void> {
  const { stdout } = await cli(stage, "completion", shell);
  await mkdir(join(stage.env["HOME"] ?? "", path, ".."), { recursive: true });
  await writeFile(join(stage.env["HOME"] ?? "", path), stdout);
}

/** Writes down what would have been run. The scripts themselves run `command git`. */
const WRITTEN_DOWN = `git-heroku () { printf '%s\\n' "git-heroku $*" >> "$HOME/log"; echo done; }
git () { if [ "$1" = heroku ]; then printf '%s\\n' "git $*" >> "$HOME/log"; echo done; else command git "$@"; fi; }
PS1='> '
`;

interface Session {
  command: string;
  args: string[];
  /** What the shell reads at its start. */
  setUp: string;
  lines: readonly (readonly [typed: string, completed: string])[];
}

async function checkSession(t: TestContext, stage: Stage, { command, args, setUp, lines }: Session): Promise<void> {
  const home = stage.env["HOME"] ?? "";
  const rc = command === "zsh" ? ".zshrc" : ".bashrc";
  await writeFile(join(home, rc), `${setUp}\n${WRITTEN_DOWN}`);
  const terminal = await TestTerminal.open(t, { command, args, ...stage, columns: 200, rows: 50 });
  for (const [typed] of lines) {
    await terminal.until("> ");
    terminal.type(`${typed}\t`);
    terminal.type("\r");
    await terminal.until("done");
  }
  await terminal.until("> ");
  terminal.type("exit\r");
  assert.is(await terminal.ended, 0);
  assert.equal(
    (await readFile(join(home, "log"), "utf8")).trimEnd().split("\n"),
    lines.map(([, completed]) => completed),
  );
}

function missingProgram(name: string): string | undefined {
  return spawnSync(name, ["-c", ":"]).status === 0 ? undefined : name;
}

describe("completed values", (test) => {
  test("names, what they are, and nothing that a shell would run", async (t) => {
    const stage = await makeLab(t);
    const ask = async (...words: string[]): Promise<string> => {
      const { status, stdout, stderr } = await cli(stage, "complete-values", ...words);
      assert.equal([status, stderr], [0, ""], words.join(" "));
      return stdout;
    };
    const table: readonly (readonly [kind: string, before: string, shown: string])[] = [
      ["apps", "ps", "foobaz\n"],
      ["releases", "rollback", "v1\tInitial release\n"],
      ["releases", "rollback --app=foobaz", "v1\tInitial release\n"],
      ["types", "ps -afoobaz", "worker\tnode worker.js\n"],
      ["types=", "scale -a=foobaz", "worker=\tnode worker.js\n"],
      ["processes", "restart --remote production", "worker\tnode worker.js\n"],
      ["config-vars", "config:get -r production", "DATABASE_URL\n"],
      ["config-vars=", "config:add", "DATABASE_URL=\n"],
      ["config-vars", "config:get -a other", ""],
      ["config-vars", "config:get -r nowhere", ""],
      ["constructor", "ps", ""],
    ];
    for (const [kind, before, shown] of table) {
      assert.is(await ask(kind, "--", ...before.split(" ")), shown, `${kind} ${before}`);
    }
    assert.is(await ask(), "");
  });

  test("a platform that does not run is not started, one that is silent is not waited for", async (t) => {
    const stage = await makeStage(await t.tempDir());
    const home = await t.tempDir();
    const machine = { ...stage, env: { ...stage.env, GIT_HEROKU_HOME: home }, daemonScript: "/nonexistent" };
    const nothing = { status: 0, stdout: "", stderr: "" };
    assert.equal(await cli(machine, "complete-values", "apps", "--", "ps"), nothing);
    const silent = createServer().listen(join(home, "server.sock"));
    await once(silent, "listening");
    const connected = once(silent, "connection") as Promise<[Socket]>;
    assert.equal(await cli(machine, "complete-values", "releases", "--", "rollback", "-a", "foobaz"), nothing);
    (await connected)[0].destroy();
    silent.close();
    await once(silent, "close");
  });

  test("a shell that is not known is refused", async (t) => {
    const { status, stderr } = await cli(await makeStage(await t.tempDir()), "completion", "tcsh");
    assert.is(status, 2);
    assert.match(stderr, '"tcsh" is not a shell that is known here; give bash, zsh, fish.');
  });
});

describe("completion", (test) => {
  test.needing(MISSING_TERMINAL, "bash alone", async (t) => {
    const stage = await makeLab(t);
    await install(stage, "bash", "git-heroku.bash");
    await checkSession(t, stage, {
      command: "bash",
      args: ["--noprofile"],
      setUp: ". ~/git-heroku.bash",
      lines: PROGRAM_LINES,
    });
  });

  const missingForGit = existsSync(BASH_COMPLETION) && existsSync(GITS_OWN) ? undefined : "bash-completion";
  test.needing(MISSING_TERMINAL ?? missingForGit, "bash, by git's own completion", async (t) => {
    const stage = await makeLab(t);
    await install(stage, "bash", ".local/share/bash-completion/completions/git-heroku");
    const lines = [...GIT_LINES, ...PROGRAM_LINES.slice(0, 1)];
    await checkSession(t, stage, { command: "bash", args: ["--noprofile"], setUp: `. ${BASH_COMPLETION}`, lines });
  });

  test.needing(MISSING_TERMINAL ?? missingProgram("zsh"), "zsh, and by its completion of git", async (t) => {
    const stage = await makeLab(t);
    await install(stage, "zsh", ".zsh/completions/_git-heroku");
    const setUp =
      "fpath=(~/.zsh/completions $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste";
    const lines = [...PROGRAM_LINES, ...GIT_LINES];
    await checkSession(t, stage, { command: "zsh", args: ["-d", "-i"], setUp, lines });
  });

  test.needing(missingProgram("fish"), "fish, and by its completion of git", async (t) => {
    const stage = await makeLab(t);
    await install(stage, "fish", ".config/fish/conf.d/git-heroku.fish");
    const lines = [...PROGRAM_LINES, ...GIT_LINES];
    const ask =
      'for line in $argv; printf "%s%s\\n" (string replace -r "\\S*\\$" "" -- $line) (complete -C $line | string split -f 1 \\t | string join "|"); end';
    const run = promisify(execFile);
    const { stdout, stderr } = await run("fish", ["-i", "-c", ask, ...lines.map(([typed]) => typed)], stage);
    assert.is(stderr, "");
    assert.equal(
      stdout.trimEnd().split("\n"),
      lines.map(([, completed]) => completed),
    );
  });
});
