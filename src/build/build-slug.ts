/** From a commit to a slug: detect, lay out, build, publish. Whatever happens on the way, a slug is either there,
 *  complete, or not there. Builds see no config vars, so that the same code is the same slug: a rollback or a changed
 *  config var needs no build. */
import { join } from "node:path";
import { formatBytes } from "../core/byte-size.ts";
import type { Clock } from "../core/clock.ts";
import { spellDuration } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import { sortProcfile } from "../core/procfile.ts";
import { buildFailed, whenDiskFull } from "./build-failed.ts";
import { choosePacks, isPassive, packsSlugId, type BuildConfig, type Choice } from "./choose-packs.ts";
import { RootFiles } from "./detect.ts";
import type { ChosenBuildpack } from "./fetch-buildpack.ts";
import { findBuilt } from "./find-built.ts";
import { listTree, type GitContext, type TreeFile } from "./git.ts";
import { sumOfDirectory, sumOfTree } from "./content-sum.ts";
import type { FetchContext } from "./fetch-repository.ts";
import { readIgnored, removeIgnored } from "./ignored-files.ts";
import { LayOut } from "./lay-out.ts";
import { SiteLayers } from "./layers.ts";
import type { BuildSite } from "./pack.ts";
import { runPacks, type PacksOutcome } from "./run-packs.ts";
import { hasReadableName, procfileIn, protect, sizeOf } from "./slug-files.ts";
import { cleanBuilds, findSlug, Workplace, type Slug, type SlugFacts } from "./slug-store.ts";
import { fetchSubmodules, isSubmodule } from "./submodules.ts";
import { refusePointers, warnOfLinks } from "./check-tree.ts";
import { toolPath, type ToolEnv } from "./tool-env.ts";
import { confinedEnv, type ToolSandbox } from "./tool-sandbox.ts";
import { Tools } from "./tools.ts";

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
  /** Whether files may be shared with other slugs: who shows slugs must see to it that nobody writes through one. */
  shares?: boolean;
  /** Where tools run; without, as the platform itself. */
  sandbox?: ToolSandbox | undefined;
}

const NO_CONFIG: BuildConfig = { key: "", read: () => Promise.resolve({}) };

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

async function buildWithin(asked: BuildRequest): Promise<Slug> {
  const request = asked.sandbox === undefined ? asked : { ...asked, toolEnv: confinedEnv(asked.toolEnv) };
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
    throw whenDiskFull(error) ?? error;
  } finally {
    request.signal.removeEventListener("abort", cancel);
    limit.abort();
  }
}

type Announced = Pick<SlugFacts, "detected" | "procfile" | "declared" | "defaultTypes">;

function announce({ output }: BuildRequest, slug: Announced): void {
  const { detected, procfile, declared, defaultTypes = [] } = slug;
  const types = [...procfile.keys()].filter((type) => !defaultTypes.includes(type)).join(", ");
  const origin = declared ? "Procfile declares types" : `Default types for ${detected}`;
  const more = defaultTypes.length === 0 ? "" : `       Default types for ${detected} -> ${defaultTypes.join(", ")}\n`;
  output(`-----> Discovering process types\n       ${origin} -> ${types}\n${more}`);
}

type Facts = Omit<SlugFacts, "id" | "sizeBytes" | "sum">;

interface Code {
  /** Submodules among them, too. */
  all: readonly TreeFile[];
  files: readonly TreeFile[];
  layOut: LayOut;
}

interface Built extends Omit<Code, "all"> {
  facts: Facts & { id: string };
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
    const { appDir, tree, shares = false } = this.#request;
    const place = await Workplace.make(appDir);
    try {
      const { all, files, layOut } = await this.#code(place);
      const layers = shares ? new SiteLayers(place, appDir, this.#git) : undefined;
      const tools = new Tools(this.#request, place, this.#signal);
      const site = await this.#site(tools, { files, layOut, layers });
      const choice = await choosePacks(site, this.#packRequest());
      const id = await packsSlugId(site, tree, choice.packs);
      const known = await findSlug(appDir, id);
      if (known !== undefined) {
        await place.discard();
        return this.#reuse(known);
      }
      if (await isPassive(site, choice)) {
        await layOut.readOnly(shares ? appDir : undefined);
        tools.forbid();
      } else await layOut.writable();
      await warnOfLinks(files, place.app, this.#request.output);
      const packed = await this.#compile(site, choice, files);
      // Other slugs are made of one that has all files of its tree.
      const outcome = { ...packed, hasRun: packed.hasRun || files.length < all.length };
      const facts = { id, ...(await this.#describe(site, outcome)) };
      return await this.#finish(site, { files, layOut, facts });
    } catch (error) {
      await place.discard();
      throw error;
    }
  }

  /** What is built: the files of the commit and of its submodules, and of these without what is kept out. */
  async #code(place: Workplace): Promise<Code> {
    const tracked = await listTree(this.#git, this.#request.tree);
    const layOut = new LayOut(this.#git, this.#request, place, tracked);
    const isIgnored = await readIgnored(tracked, layOut);
    const say = this.#request.output;
    const wanted = { git: this.#git, fetch: this.#fetchContext(), files: tracked, isIgnored, say };
    const submodules = await fetchSubmodules(wanted);
    const all = [tracked, ...submodules.map((one) => one.files)].flat();
    const files = all.filter((file) => !isSubmodule(file) && !isIgnored(file.path));
    this.#checkSize(sizeOf(files));
    if (submodules.length > 0) await layOut.withSubmodules(submodules);
    else if (layOut.isSmall) await layOut.writable();
    await removeIgnored(layOut, place.app, { all, files });
    return { all, files, layOut };
  }

  /** A buildpack from elsewhere may fetch what Git LFS has. */
  async #compile(site: BuildSite, choice: Choice, files: readonly TreeFile[]): Promise<PacksOutcome> {
    const isOurs = choice.packs.every(({ commit }) => commit === undefined);
    if (isOurs) await refusePointers(files, site.place.app);
    const packed = await runPacks(site, choice);
    if (!isOurs) await refusePointers(files, site.place.app);
    return packed;
  }

  /** Makes a slug of what was built. */
  async #finish({ place, layers, tools }: BuildSite, { files, layOut, facts }: Built): Promise<Slug> {
    const { plain = false } = facts;
    if (!plain) {
      await place.endTools();
      // What scripts make of the packages is often what they made of them before.
      await layers?.share("node_modules", (dir) => tools.protect(dir));
    }
    const sizeBytes = plain ? sizeOf(files) : await tools.protect(place.app);
    if (plain && !layOut.isReadOnly) await this.#protect(files, place, tools);
    const sizes = ((await layers?.makePlaces()) ?? []).map((layer) => layer.sizeBytes);
    const wholeSize = sizes.reduce((sum, one) => sum + one, sizeBytes);
    this.#checkSize(wholeSize);
    const sum = plain ? sumOfTree(files) : await sumOfDirectory(this.#git, place.app);
    announce(this.#request, facts);
    return place.publish(this.#request.appDir, { ...facts, sizeBytes: wholeSize, sum });
  }

  #reuse(known: Slug): Slug {
    this.#request.output(
      `-----> ${known.detected} app detected\n       Same code and buildpacks as before: using its slug\n`,
    );
    announce(this.#request, known);
    return known;
  }

  #packRequest(): Parameters<typeof choosePacks>[1] {
    const { buildpacks = [], config = NO_CONFIG } = this.#request;
    return { wanted: buildpacks, config, fetch: this.#fetchContext() };
  }

  #fetchContext(): FetchContext {
    const { appDir, toolEnv } = this.#request;
    return { cacheDir: join(appDir, "cache"), toolEnv, signal: this.#signal };
  }

  async #site(
    tools: Tools,
    { files, layOut, layers }: Pick<Built, "files" | "layOut"> & { layers: SiteLayers | undefined },
  ): Promise<BuildSite> {
    const { appDir, commit, toolEnv, output } = this.#request;
    const root = new RootFiles(files, (name) => layOut.read(name));
    const declared = await root.procfile();
    return {
      place: tools.place,
      layers,
      root,
      declared,
      toolEnv,
      commit,
      cacheDir: join(appDir, "cache"),
      exported: {},
      say: output,
      layOut: () => layOut.writable(),
      tools,
    };
  }

  /** A buildpack may write a Procfile too. */
  async #describe(site: BuildSite, outcome: PacksOutcome): Promise<Facts> {
    const { detected, types, hasRun, isLocked, buildpacks, first } = outcome;
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
      ...(isLocked && { locked: true as const }),
      ...(!hasRun && { plain: true as const }),
    };
  }

  /** Takes the write permission from the files of a tree. */
  async #protect(files: readonly TreeFile[], place: Workplace, tools: Tools): Promise<void> {
    if (files.every(hasReadableName)) await protect(files, place.app);
    else await tools.protect(place.app);
  }

  #checkSize(sizeBytes: number): void {
    const { sizeBytesMax } = this.#settings;
    if (sizeBytes <= sizeBytesMax) return;
    throw new AppError("invalid_params", `Slug is too large: ${formatBytes(sizeBytes)}.`, {
      hint: `The limit is ${formatBytes(sizeBytesMax)}, the setting slug-size; keep large files in object storage.`,
    });
  }
}
