/** `git heroku local` as a real program in a directory of its own, with no platform. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "./suite.ts";
import { PROGRAM } from "./transcript.ts";

export interface Program {
  cwd: string;
  env: Record<string, string>;
}

export class LocalLab {
  readonly cwd: string;
  readonly env: Record<string, string>;

  private constructor(root: string) {
    this.cwd = join(root, "app");
    this.env = {
      PATH: process.env["PATH"] ?? "",
      HOME: root,
      TZ: "UTC",
      TMPDIR: join(root, "tmp"),
      GIT_HEROKU_HOME: join(root, "home"),
      GIT_CEILING_DIRECTORIES: root,
      GIT_CONFIG_NOSYSTEM: "1",
    };
  }

  static async make(t: TestContext, files: Record<string, string>): Promise<LocalLab> {
    const lab = new LocalLab(await t.tempDir());
    await mkdir(lab.cwd);
    await mkdir(lab.env["TMPDIR"] ?? "");
    for (const [name, text] of Object.entries(files)) await writeFile(join(lab.cwd, name), text);
    return lab;
  }

  start(...words: string[]): LocalProgram {
    return new LocalProgram(this, words);
  }

  /** What it showed, without the times of day and the pids. */
  async run(...words: string[]): Promise<{ status: number; output: string }> {
    const program = this.start(...words);
    return { status: await program.ended, output: program.output };
  }

  /** The processes that were started by this lab's programs and still live. */
  async living(): Promise<string[]> {
    const mark = `GIT_HEROKU_HOME=${this.env["GIT_HEROKU_HOME"] ?? ""}`;
    const found: string[] = [];
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      const [environ, stat, command] = await Promise.all(
        ["environ", "stat", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
      );
      if (environ?.includes(mark) === true && stat?.includes(") Z ") === false) found.push(command ?? "");
    }
    return found;
  }
}

export class LocalProgram {
  readonly child: ChildProcess;
  /** The exit status, or 128 and the signal. */
  readonly ended: Promise<number>;
  #text = "";
  #isOver = false;

  constructor({ cwd, env }: Program, words: string[]) {
    this.child = spawn(process.execPath, [PROGRAM, ...words], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#text += text));
    this.ended = once(this.child, "close").then(([status]) => {
      this.#isOver = true;
      return (status as number | null) ?? -1;
    });
  }

  get output(): string {
    return this.#text.replace(/^\d\d:\d\d:\d\d /gm, "").replace(/pid \d+/g, "pid N");
  }

  async until(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.#isOver) throw new Error(`Ended without ${text}: ${this.output}`);
      await sleep(10);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
