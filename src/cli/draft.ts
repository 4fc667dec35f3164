/** A text with secrets in the hands of an editor: a file (0600) in a directory of its own (0700), which is gone as soon as
 *  the command ends, also by a signal. Only `keep` leaves it there. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runEditor } from "../clone/editor.ts";
import type { World } from "./command.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
/** These reach every process of the terminal: while it runs they are the editor's business. */
const TYPED: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT"]);

export class Draft {
  readonly path: string;
  readonly #world: World;
  readonly #dir: string;
  #isInEditor = false;
  #isKept = false;

  private constructor(world: World, dir: string, name: string) {
    this.#world = world;
    this.#dir = dir;
    this.path = join(dir, name);
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  static async open(world: World, name: string, text: string): Promise<Draft> {
    const directory = await mkdtemp(join(world.env["TMPDIR"] ?? tmpdir(), "git-heroku-"));
    const draft = new Draft(world, directory, name);
    try {
      await writeFile(draft.path, text, { mode: 0o600, flag: "wx" });
      return draft;
    } catch (error) {
      await draft.remove();
      throw error;
    }
  }

  /** @returns what the editor has left.
   *  @throws AppError when it does not end well. */
  async edit(editor: string): Promise<Uint8Array> {
    this.#isInEditor = true;
    try {
      await runEditor(this.#world, editor, this.path);
    } finally {
      this.#isInEditor = false;
    }
    return readFile(this.path);
  }

  /** Asks on the terminal; the shell reads the answer, so that Node never takes what is typed into the editor. */
  asks(question: string): boolean {
    this.#world.stderr.write(`${question} [Y/n] `);
    const { stdout, status } = spawnSync("sh", ["-c", 'read -r answer && printf %s "$answer"'], {
      stdio: ["inherit", "pipe", "inherit"],
      encoding: "utf8",
    });
    return status === 0 && !/^n/i.test(stdout.trim());
  }

  /** Unless it is kept. */
  async remove(): Promise<void> {
    this.#stopListening();
    if (!this.#isKept) await rm(this.#dir, { recursive: true, force: true });
  }

  /** Leaves the file to the person. */
  keep(): void {
    this.#isKept = true;
  }

  #stopListening(): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#isInEditor && TYPED.has(signal)) return;
    this.#stopListening();
    if (!this.#isKept) rmSync(this.#dir, { recursive: true, force: true });
    process.kill(process.pid, signal);
  };
}
