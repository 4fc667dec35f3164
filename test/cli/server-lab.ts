/** What the commands that change a server are tried with. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { cli, type CliRun } from "../support/cli.ts";
import type { TestContext } from "../support/suite.ts";

const SCRIPT = fileURLToPath(new URL("../../bin/platformd.js", import.meta.url));

/** What lacks when the program does. */
export function missing(program: string): string | undefined {
  return spawnSync(program, ["--version"]).error === undefined ? undefined : program;
}

/** What the program says when it is asked whether a file is right; it must be. */
export function mustPass(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  assert.is(status, 0, `${program} ${args.join(" ")}: ${error?.message ?? stdout + stderr}`);
  return stdout + stderr;
}

export interface Stage {
  root: string;
  run: (command: string, ...words: string[]) => Promise<CliRun>;
}

/** Commands that change a machine, of which there are only the files below a directory. */
export async function stage(t: TestContext): Promise<Stage> {
  const root = await t.tempDir();
  const machine = { env: { HOME: root, GIT_HEROKU_HOME: join(root, "home") }, cwd: root, daemonScript: SCRIPT };
  return { root, run: (command, ...words) => cli(machine, command, "--root", root, ...words) };
}
