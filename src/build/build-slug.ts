/** From a commit to a slug: detect, lay out, build, publish. Whatever happens on the way, a slug is either there,
 *  complete, or not there. Builds see no config vars, so that the same code is the same slug: a rollback or a changed
 *  config var needs no build. */
import { join } from "node:path";
import { formatBytes } from "../core/byte-size.ts";
import type { Clock } from "../core/clock.ts";
import { spellDuration } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import { sortProcfile } from "../core/procfile.ts";
import { buildFailed, describeStatus, diskFull } from "./build-failed.ts";
import { choosePacks, isPassive, packsSlugId, type BuildConfig } from "./choose-packs.ts";
import { RootFiles } from "./detect.ts";
import type { ChosenBuildpack } from "./fetch-buildpack.ts";
import { findBuilt } from "./find-built.ts";
import { listTree, type GitContext, type TreeFile } from "./git.ts";
import { sumOfDirectory, sumOfTree } from "./content-sum.ts";
import { removeIgnored, withoutIgnored } from "./ignored-files.ts";
import { LayOut } from "./lay-out.ts";
import { SiteLayers } from "./layers.ts";
import { Captured } from "./output-sink.ts";
import type { BuildSite, Tool } from "./pack.ts";
import { runPacks, type PacksOutcome } from "./run-packs.ts";
import { runTool } from "./run-tool.ts";
import { hasReadableName, procfileIn, protect, sizeOf } from "./slug-files.ts";
import { cleanBuilds, findSlug, Workplace, type Slug, type SlugFacts } from "./slug-store.ts";
import { warnOfTree } from "./tree-warnings.ts";
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
  /** Whether files may be shared with other slugs: who shows slugs must see to it that nobody writes through one. */
  shares?: boolean;
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
    throw diskFull(error) ?? error;
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

interface Built {
  files: readonly TreeFile[];
  layOut: LayOut;
  facts: Facts & { id: string };
}

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
    const { appDir, tree, shares = false } = this.#request;
    const place = await Workplace.make(appDir);
    try {
      const all = await listTree(this.#git, tree);
      const layOut = new LayOut(this.#git, this.#request, place, all);
      const files = await withoutIgnored(all, layOut);
      this.#checkSize(sizeOf(files));
      if (layOut.isSmall) await layOut.writable();
      await removeIgnored(layOut, place.app, { all, files });
      const layers = shares ? new SiteLayers(place, appDir, this.#git) : undefined;
      const site = await this.#site(place, { files, layOut, layers });
      const choice = await choosePacks(site, this.#packRequest());
      const id = await packsSlugId(site, tree, choice.packs);
      const known = await findSlug(appDir, id);
      if (known !== undefined) {
        await place.discard();
        return this.#reuse(known);
      }
      if (await isPassive(site, choice)) await layOut.readOnly(shares ? appDir : undefined);
      else await layOut.writable();
      await warnOfTree(files, place.app, this.#request.output);
      const packed = await runPacks(site, choice);
      // Other slugs are made of one that has all files of its tree.
      const outcome = { ...packed, hasRun: packed.hasRun || files.length < all.length };
      const facts = { id, ...(await this.#describe(site, outcome)) };
      return await this.#finish(site, { files, layOut, facts });
    } catch (error) {
      await place.discard();
      throw error;
    }
  }

  /** Makes a slug of what was built. */
  async #finish({ place, layers }: BuildSite, { files, layOut, facts }: Built): Promise<Slug> {
    const { plain = false } = facts;
    if (!plain) await place.endTools();
    const sizeBytes = plain ? sizeOf(files) : await this.#protectAll(place, place.app);
    if (plain && !layOut.isReadOnly) await this.#protect(files, place);
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
    const { buildpacks = [], config = NO_CONFIG, appDir, toolEnv } = this.#request;
    const fetch = { cacheDir: join(appDir, "cache"), toolEnv, signal: this.#signal };
    return { wanted: buildpacks, config, fetch };
  }

  async #site(
    place: Workplace,
    { files, layOut, layers }: Pick<Built, "files" | "layOut"> & { layers: SiteLayers | undefined },
  ): Promise<BuildSite> {
    const { appDir, commit, toolEnv, output } = this.#request;
    const root = new RootFiles(files, (name) => layOut.read(name));
    const declared = await root.procfile();
    return {
      place,
      layers,
      root,
      declared,
      toolEnv,
      commit,
      cacheDir: join(appDir, "cache"),
      exported: {},
      say: output,
      layOut: () => layOut.writable(),
      protect: (dir) => this.#protectAll(place, dir),
      run: (tool) => {
        // Files of other slugs may be among these.
        if (layOut.isReadOnly) throw new Error("nothing runs where files are shared");
        return this.#run(place, tool);
      },
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
  async #protect(files: readonly TreeFile[], place: Workplace): Promise<void> {
    if (files.every(hasReadableName)) await protect(files, place.app);
    else await this.#protectAll(place, place.app);
  }

  /** The same for whatever lies in a directory; gives how many bytes it takes. */
  async #protectAll(place: Workplace, dir: string): Promise<number> {
    await this.#ask(place, ["find", dir, "-type", "f", "-exec", "chmod", "a-w", "{}", "+"]);
    return Number.parseInt(await this.#ask(place, ["du", "-sk", dir]), 10) * 1024;
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

  #checkSize(sizeBytes: number): void {
    const { sizeBytesMax } = this.#settings;
    if (sizeBytes <= sizeBytesMax) return;
    throw new AppError("invalid_params", `Slug is too large: ${formatBytes(sizeBytes)}.`, {
      hint: `The limit is ${formatBytes(sizeBytesMax)}, the setting slug-size; keep large files in object storage.`,
    });
  }
}
