/** From a commit to a slug: detect, lay out, build, publish. Whatever happens on the way, a slug is either there,
 *  complete, or not there. Builds see no config vars, so that the same code is the same slug: a rollback or a changed
 *  config var needs no build. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { spellDuration } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import { RecentMap } from "../core/recent-map.ts";
import { detectApp, type DetectedApp } from "./detect.ts";
import { checkOut, listTree, type GitContext, type TreeFile } from "./git.ts";
import { findLargeFilePointers } from "./large-files.ts";
import { buildNode, NODE_BUILDER_KEY } from "./node-builder.ts";
import { runTool } from "./run-tool.ts";
import { cleanBuilds, findSlug, Workplace, type Slug, type StoredSlug } from "./slug-store.ts";
import { buildEnv, toolPath, type ToolEnv } from "./tool-env.ts";
import { ToolOutput } from "./tool-output.ts";

export interface BuildSettings {
  /** Heroku: 15 minutes. */
  timeLimitMs: number;
  /** Heroku: 500 MB. */
  sizeBytesMax: number;
}

export const BUILD_SETTINGS: BuildSettings = { timeLimitMs: 15 * 60_000, sizeBytesMax: 500_000_000 };

export interface BuildRequest {
  /** The bare repository. */
  repo: string;
  commit: string;
  /** The commit's tree. */
  tree: string;
  /** `apps/<app>` in the home; `slugs/` and `cache/` in it are the build's. */
  appDir: string;
  /** From `pickToolEnv`: where packages come from. */
  toolEnv: ToolEnv;
  /** Shown to whoever pushes, in Heroku's words. */
  output: (text: string) => void;
  /** Cancels the build and all its processes. */
  signal: AbortSignal;
  clock: Clock;
  settings?: Partial<BuildSettings>;
  /** Waited for before anything is really built, given back afterwards. */
  slot?: () => Promise<() => void>;
}

const PROCFILE_BUILDER_KEY = "procfile/1";
/** Up to here, changing modes one by one is faster than starting two programs for it. */
const FEW_FILES = 200;

/** @throws AppError invalid_params when the app is not fit or its build fails ("build failed"), unavailable when the
 *  signal cancels it. */
export async function buildSlug(request: BuildRequest): Promise<Slug> {
  const known = await findBuilt(request);
  if (known !== undefined) {
    request.output(`-----> ${known.detected} app detected\n       Same code as before: using its slug\n`);
    announce(request, known);
    return known;
  }
  const giveBack = await request.slot?.();
  try {
    return await buildWithin(request);
  } finally {
    giveBack?.();
  }
}

async function buildWithin(request: BuildRequest): Promise<Slug> {
  await cleanBuilds(request.appDir);
  const settings = { ...BUILD_SETTINGS, ...request.settings };
  const limit = new AbortController();
  const cancel = (): void => limit.abort();
  request.signal.addEventListener("abort", cancel);
  if (request.signal.aborted) cancel();
  void request.clock.sleep(settings.timeLimitMs, limit.signal).then(cancel);
  try {
    return await new Build(request, settings, limit.signal).run();
  } catch (error) {
    if (request.signal.aborted) throw new AppError("unavailable", "build cancelled", { cause: error });
    if (limit.signal.aborted) {
      throw buildFailed(`It took longer than ${spellDuration(settings.timeLimitMs)}, the setting build-timeout.`);
    }
    throw error;
  } finally {
    request.signal.removeEventListener("abort", cancel);
    limit.abort();
  }
}

/** Which of the two builders it was is not known before the tree is read, which a slug makes needless. */
async function findBuilt({ appDir, tree }: BuildRequest): Promise<StoredSlug | undefined> {
  const place = `${appDir} ${tree}`;
  const known = found.get(place);
  if (known !== undefined && existsSync(known.dir)) return known;
  const slug =
    (await findSlug(appDir, slugId(tree, NODE_BUILDER_KEY))) ??
    (await findSlug(appDir, slugId(tree, PROCFILE_BUILDER_KEY)));
  if (slug !== undefined) found.set(place, slug);
  return slug;
}

/** Slugs found by this process, which never change while they are there. */
const found = new RecentMap<string, StoredSlug>(200);

function slugId(tree: string, builderKey: string): string {
  return `${tree}-${createHash("sha256").update(builderKey).digest("hex").slice(0, 12)}`;
}

function announce({ output }: BuildRequest, slug: Omit<StoredSlug, "id" | "dir" | "reused">): void {
  const types = [...slug.procfile.keys()].join(", ");
  const origin = slug.declared ? "Procfile declares types" : `Default types for ${slug.detected}`;
  output(`-----> Discovering process types\n       ${origin} -> ${types}\n`);
}

/** As Heroku prints it: `8.3MB`, and `12K` under a megabyte. */
export function formatSize(bytes: number): string {
  return bytes < 1_000_000 ? `${String(Math.ceil(bytes / 1_000))}K` : `${(bytes / 1_000_000).toFixed(1)}MB`;
}

function buildFailed(hint: string): AppError {
  return new AppError("invalid_params", "build failed", { hint });
}

/** One build that really runs. */
class Build {
  readonly #request: BuildRequest;
  readonly #settings: BuildSettings;
  readonly #signal: AbortSignal;
  readonly #git: GitContext;

  constructor(request: BuildRequest, settings: BuildSettings, signal: AbortSignal) {
    this.#request = request;
    this.#settings = settings;
    this.#signal = signal;
    this.#git = { repo: request.repo, path: toolPath(request.toolEnv), signal };
  }

  async run(): Promise<Slug> {
    const { appDir, output } = this.#request;
    const place = await Workplace.make(appDir);
    try {
      const files = await this.#layOut(place.app);
      const app = await detectApp(files, (name) => readFile(join(place.app, name), "utf8"));
      output(`-----> ${app.name} app detected\n`);
      await this.#warnOfPointers(files, place.app);
      const sizeBytes = await this.#compile(app, files, place);
      this.#checkSize(sizeBytes);
      const { name: detected, procfile, declared } = app;
      announce(this.#request, { detected, procfile, declared, sizeBytes });
      const id = slugId(this.#request.tree, app.node === undefined ? PROCFILE_BUILDER_KEY : NODE_BUILDER_KEY);
      return await place.publish(appDir, { id, detected, procfile, declared, sizeBytes });
    } catch (error) {
      await place.discard();
      throw error;
    }
  }

  /** Lists and lays out at the same time; both have ended when this returns or throws. */
  async #layOut(dir: string): Promise<TreeFile[]> {
    const laidOut = checkOut(this.#git, this.#request.commit, dir);
    const [listed] = await Promise.allSettled([listTree(this.#git, this.#request.tree), laidOut]);
    await laidOut;
    if (listed.status === "rejected") throw listed.reason;
    this.#checkSize(sizeOf(listed.value));
    return listed.value;
  }

  /** Builds in place and makes the files read-only; gives the size of the result. */
  async #compile(app: DetectedApp, files: readonly TreeFile[], place: Workplace): Promise<number> {
    const { appDir, output } = this.#request;
    const cacheDir = join(appDir, "cache");
    const shown = new ToolOutput(output);
    let hasRun = false;
    try {
      if (app.node !== undefined) {
        await mkdir(cacheDir, { recursive: true });
        hasRun = await buildNode({
          app: app.node,
          dir: place.app,
          cacheDir,
          say: output,
          run: (...words) => this.#tool(place, words, shown),
          ask: (...words) => this.#ask(place, words),
        });
      }
    } finally {
      shown.end();
    }
    if (hasRun) await place.endTools();
    if (!hasRun && files.length <= FEW_FILES && files.every(hasReadableName)) {
      await protect(files, place.app);
      return sizeOf(files);
    }
    await this.#ask(place, ["find", ".", "-type", "f", "-exec", "chmod", "a-w", "{}", "+"]);
    return hasRun ? Number.parseInt(await this.#ask(place, ["du", "-sk", "."]), 10) * 1024 : sizeOf(files);
  }

  async #tool(place: Workplace, words: readonly string[], output: ToolOutput): Promise<void> {
    const [command = "", ...args] = words;
    const npmCache = join(this.#request.appDir, "cache", "npm");
    const env = buildEnv(this.#request.toolEnv, { home: place.home, tmp: place.tmp, npmCache });
    const status = await runTool({
      command,
      args,
      cwd: place.app,
      env,
      signal: this.#signal,
      output,
    }).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      // EACCES: a directory on the PATH is not ours to search, and no other one has the program.
      if (code !== "ENOENT" && code !== "EACCES") throw error;
      throw buildFailed(`The platform's machine has no ${command} on its PATH.`);
    });
    this.#signal.throwIfAborted();
    if (status !== 0) throw buildFailed(`\`${words.join(" ")}\` ended with ${describeStatus(status)}.`);
  }

  async #ask(place: Workplace, words: readonly string[]): Promise<string> {
    let said = "";
    await this.#tool(place, words, new ToolOutput((text) => (said += text)));
    return said;
  }

  async #warnOfPointers(files: readonly TreeFile[], dir: string): Promise<void> {
    const pointers = await findLargeFilePointers(files, dir);
    if (pointers.length === 0) return;
    const named = pointers.slice(0, 3).join(", ") + (pointers.length > 3 ? ", …" : "");
    this.#request.output(
      ` !     Git LFS files are not fetched, the app gets pointers (${String(pointers.length)}): ${named}\n`,
    );
  }

  #checkSize(sizeBytes: number): void {
    const { sizeBytesMax } = this.#settings;
    if (sizeBytes <= sizeBytesMax) return;
    throw new AppError("invalid_params", `Slug is too large: ${formatSize(sizeBytes)}.`, {
      hint: `The limit is ${formatSize(sizeBytesMax)}, the setting slug-size; keep large files in object storage.`,
    });
  }
}

function describeStatus(status: number | string): string {
  return typeof status === "number" ? `exit status ${String(status)}` : `signal ${status}`;
}

function sizeOf(files: readonly TreeFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** A name that is not UTF-8 was not read as it is. */
function hasReadableName({ path }: TreeFile): boolean {
  return !path.includes("\ufffd");
}

async function protect(files: readonly TreeFile[], dir: string): Promise<void> {
  const regular = files.filter(({ mode }) => mode.startsWith("100"));
  await Promise.all(regular.map(({ path, mode }) => chmod(join(dir, path), mode === "100755" ? 0o555 : 0o444)));
}
