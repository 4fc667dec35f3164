/** From a commit to a slug: detect, lay out, build, publish. Whatever happens on the way, a slug is either there,
 *  complete, or not there. Builds see no config vars, so that the same code is the same slug: a rollback or a changed
 *  config var needs no build. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../core/byte-size.ts";
import type { Clock } from "../core/clock.ts";
import { spellDuration } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import { sortProcfile } from "../core/procfile.ts";
import { RecentMap } from "../core/recent-map.ts";
import { buildFailed, describeStatus } from "./build-failed.ts";
import { PROCFILE_KEY } from "./builtin-packs.ts";
import { choosePacks, packsSlugId, slugId, type BuildConfig } from "./choose-packs.ts";
import { RootFiles } from "./detect.ts";
import type { ChosenBuildpack } from "./fetch-buildpack.ts";
import { checkOut, listTree, type GitContext, type TreeFile } from "./git.ts";
import { findLargeFilePointers } from "./large-files.ts";
import { NODE_BUILDER_KEY } from "./node-builder.ts";
import { findOutwardLinks } from "./outward-links.ts";
import { Captured } from "./output-sink.ts";
import type { BuildSite, Tool } from "./pack.ts";
import { runPacks, type PacksOutcome } from "./run-packs.ts";
import { runTool } from "./run-tool.ts";
import { hasReadableName, procfileIn, protect, sizeOf } from "./slug-files.ts";
import { cleanBuilds, findSlug, Workplace, type Slug, type SlugFacts, type StoredSlug } from "./slug-store.ts";
import { scriptEnv, toolPath, type ToolEnv } from "./tool-env.ts";

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
  /** In their order; none leaves it to the code and to the platform. */
  buildpacks?: readonly ChosenBuildpack[];
  config?: BuildConfig;
}

const NO_CONFIG: BuildConfig = { key: "", read: () => Promise.resolve({}) };
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

/** Which of the two it was is not known before the tree is read, which a slug makes needless. What other buildpacks have
 *  made is found once they are known. */
export async function findBuilt({
  appDir,
  tree,
  buildpacks = [],
}: Pick<BuildRequest, "appDir" | "tree" | "buildpacks">): Promise<StoredSlug | undefined> {
  if (buildpacks.length > 0) return undefined;
  const place = `${appDir} ${tree}`;
  const known = found.get(place);
  if (known !== undefined && existsSync(known.dir)) return known;
  const slug =
    (await findSlug(appDir, slugId(tree, NODE_BUILDER_KEY))) ?? (await findSlug(appDir, slugId(tree, PROCFILE_KEY)));
  if (slug !== undefined) found.set(place, slug);
  return slug;
}

/** Slugs found by this process, which never change while they are there. */
const found = new RecentMap<string, StoredSlug>(200);

type Announced = Pick<SlugFacts, "detected" | "procfile" | "declared" | "defaultTypes">;

function announce({ output }: BuildRequest, slug: Announced): void {
  const { detected, procfile, declared, defaultTypes = [] } = slug;
  const types = [...procfile.keys()].filter((type) => !defaultTypes.includes(type)).join(", ");
  const origin = declared ? "Procfile declares types" : `Default types for ${detected}`;
  const more = defaultTypes.length === 0 ? "" : `       Default types for ${detected} -> ${defaultTypes.join(", ")}\n`;
  output(`-----> Discovering process types\n       ${origin} -> ${types}\n${more}`);
}

type Facts = Omit<SlugFacts, "id" | "sizeBytes">;

const ANSWER_BYTES_MAX = 64 * 1024;
const UNSEEN = new Captured(0);

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
    const { appDir, tree } = this.#request;
    const place = await Workplace.make(appDir);
    try {
      const files = await this.#layOut(place.app);
      const site = await this.#site(place, files);
      const choice = await choosePacks(site, this.#packRequest());
      const id = await packsSlugId(site, tree, choice.packs);
      const known = await findSlug(appDir, id);
      if (known !== undefined) {
        await place.discard();
        return this.#reuse(known);
      }
      await this.#warn(files, place.app);
      const outcome = await runPacks(site, choice);
      const facts = { id, ...(await this.#describe(site, outcome)) };
      const sizeBytes = await this.#protect(files, place, outcome.hasRun);
      this.#checkSize(sizeBytes);
      announce(this.#request, facts);
      return await place.publish(appDir, { ...facts, sizeBytes });
    } catch (error) {
      await place.discard();
      throw error;
    }
  }

  #reuse(known: StoredSlug): Slug {
    this.#request.output(
      `-----> ${known.detected} app detected\n       Same code and buildpacks as before: using its slug\n`,
    );
    announce(this.#request, known);
    return known;
  }

  #packRequest(): Parameters<typeof choosePacks>[1] {
    const { buildpacks = [], config = NO_CONFIG, appDir, toolEnv } = this.#request;
    const fetch = { cacheDir: join(appDir, "cache"), toolEnv, signal: this.#signal };
    return { wanted: buildpacks, config, fetch };
  }

  async #site(place: Workplace, files: readonly TreeFile[]): Promise<BuildSite> {
    const { appDir, commit, toolEnv, output } = this.#request;
    const root = new RootFiles(files, (name) => readFile(join(place.app, name), "utf8"));
    const declared = await root.procfile();
    const cacheDir = join(appDir, "cache");
    const run = (tool: Tool): Promise<number | string> => this.#run(place, tool);
    return { place, cacheDir, root, declared, toolEnv, commit, exported: {}, say: output, run };
  }

  /** A buildpack may write a Procfile too. */
  async #describe(site: BuildSite, { detected, types, hasRun, buildpacks, first }: PacksOutcome): Promise<Facts> {
    const declared = hasRun ? await procfileIn(site.place.app) : site.declared;
    const procfile = sortProcfile([...types, ...(declared ?? [])]);
    if (procfile.size === 0) {
      throw new AppError("invalid_params", "Nothing says which processes to run.", {
        hint: "Add a Procfile with a line such as `web: ./start --port $PORT`.",
      });
    }
    const defaultTypes = declared === undefined ? [] : [...types.keys()].filter((type) => !declared.has(type));
    return {
      detected,
      procfile,
      declared: declared !== undefined,
      ...(defaultTypes.length > 0 && { defaultTypes }),
      ...(buildpacks !== undefined && { buildpacks }),
      ...(first !== undefined && { first }),
    };
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

  /** Makes the files read-only and gives the size of all. */
  async #protect(files: readonly TreeFile[], place: Workplace, hasRun: boolean): Promise<number> {
    if (hasRun) await place.endTools();
    if (!hasRun && files.length <= FEW_FILES && files.every(hasReadableName)) {
      await protect(files, place.app);
      return sizeOf(files);
    }
    await this.#ask(place, ["find", ".", "-type", "f", "-exec", "chmod", "a-w", "{}", "+"]);
    return hasRun ? Number.parseInt(await this.#ask(place, ["du", "-sk", "."]), 10) * 1024 : sizeOf(files);
  }

  async #run(place: Workplace, { words, env, output = UNSEEN, errors }: Tool): Promise<number | string> {
    const [command = "", ...args] = words;
    const tool = { command, args, cwd: place.app, env, signal: this.#signal, output, ...(errors && { errors }) };
    const status = await runTool(tool).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      // EACCES: a directory on the PATH is not ours to search, and no other one has the program.
      if (code !== "ENOENT" && code !== "EACCES") throw error;
      throw buildFailed(`The platform's machine has no ${command} on its PATH.`);
    });
    this.#signal.throwIfAborted();
    return status;
  }

  async #ask(place: Workplace, words: readonly string[]): Promise<string> {
    const output = new Captured(ANSWER_BYTES_MAX);
    const env = scriptEnv(this.#request.toolEnv, place, this.#request.commit);
    const status = await this.#run(place, { words, env, output });
    if (status !== 0) throw buildFailed(`\`${words.join(" ")}\` ended with ${describeStatus(status)}.`);
    return output.text;
  }

  async #warn(files: readonly TreeFile[], dir: string): Promise<void> {
    const pointers = await findLargeFilePointers(files, dir);
    this.#tell("Git LFS files are not fetched, the app gets pointers", pointers);
    this.#tell("Symbolic links lead out of the app", await findOutwardLinks(files, dir));
  }

  #tell(what: string, names: readonly string[]): void {
    if (names.length === 0) return;
    const named = names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
    this.#request.output(` !     ${what} (${String(names.length)}): ${named}\n`);
  }

  #checkSize(sizeBytes: number): void {
    const { sizeBytesMax } = this.#settings;
    if (sizeBytes <= sizeBytesMax) return;
    throw new AppError("invalid_params", `Slug is too large: ${formatBytes(sizeBytes)}.`, {
      hint: `The limit is ${formatBytes(sizeBytesMax)}, the setting slug-size; keep large files in object storage.`,
    });
  }
}
