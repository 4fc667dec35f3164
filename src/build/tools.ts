/** Runs the programs of one build: those of buildpacks in its sandbox, where there is one, and the platform's own beside it. */
import { join } from "node:path";
import { buildFailed, describeStatus } from "./build-failed.ts";
import { Captured, type OutputSink } from "./output-sink.ts";
import { runTool } from "./run-tool.ts";
import type { Workplace } from "./slug-store.ts";
import { identifyTool, scriptEnv, toolPath, type ToolEnv } from "./tool-env.ts";
import { openToolView, takeBackCaches, type ToolSandbox, type ToolView } from "./tool-sandbox.ts";

export interface Tool {
  words: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Shown to whoever pushes, unless it goes elsewhere. */
  output?: OutputSink;
  errors?: OutputSink;
}

export interface ToolContext {
  appDir: string;
  commit: string;
  toolEnv: ToolEnv;
  sandbox?: ToolSandbox | undefined;
}

const ANSWER_BYTES_MAX = 64 * 1024;
const UNSEEN = new Captured(0);

export class Tools {
  readonly place: Workplace;
  readonly #context: ToolContext;
  readonly #signal: AbortSignal;
  #view: Promise<ToolView> | undefined;
  #unconfined: Promise<void> | undefined;
  #isForbidden = false;

  constructor(context: ToolContext, place: Workplace, signal: AbortSignal) {
    this.#context = context;
    this.place = place;
    this.#signal = signal;
  }

  /** Runs a program of a buildpack in the app's directory.
   *  @throws AppError when the machine has no such program */
  async run(tool: Tool): Promise<number | string> {
    if (this.#isForbidden) throw new Error("nothing runs where files are shared");
    const { sandbox, toolEnv, appDir } = this.#context;
    const [program = ""] = tool.words;
    const path = (tool.env["PATH"] ?? toolPath(toolEnv)).split(":");
    if (!program.startsWith("/") && identifyTool(program, path) === "") {
      throw buildFailed(`The platform's machine has no ${program} on its PATH.`);
    }
    const cacheDir = join(appDir, "cache");
    if (sandbox === undefined) {
      await (this.#unconfined ??= takeBackCaches(cacheDir));
      return this.#start(tool);
    }
    this.#view ??= openToolView(sandbox, { place: this.place, cacheDir, toolEnv });
    return this.#start({ ...tool, words: [...(await sandbox.words(await this.#view)), ...tool.words] });
  }

  /** Files of other slugs may be among this one's. */
  forbid(): void {
    this.#isForbidden = true;
  }

  /** Lets them write to a directory that the platform has made. */
  async give(dir: string): Promise<void> {
    await this.#context.sandbox?.give(dir);
  }

  /** Takes the write permission from all files of a directory.
   *  @returns how many bytes its files take */
  async protect(dir: string): Promise<number> {
    await this.#ask(["find", dir, "-type", "f", "-exec", "chmod", "a-w", "{}", "+"]);
    return Number.parseInt(await this.#ask(["du", "-sk", dir]), 10) * 1024;
  }

  async #ask(words: readonly string[]): Promise<string> {
    const output = new Captured(ANSWER_BYTES_MAX);
    const env = scriptEnv(this.#context.toolEnv, this.place, this.#context.commit);
    const status = await this.#start({ words, env, output });
    if (status !== 0) throw buildFailed(`\`${words.join(" ")}\` ended with ${describeStatus(status)}.`);
    return output.text;
  }

  async #start({ words, env, output = UNSEEN, errors }: Tool): Promise<number | string> {
    const where = { cwd: this.place.app, env, signal: this.#signal };
    const status = await runTool({ words, ...where, output, ...(errors && { errors }) });
    this.#signal.throwIfAborted();
    return status;
  }
}
