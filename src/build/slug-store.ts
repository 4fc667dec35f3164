/** Where slugs live: `slugs/<id>/app` is the code, `slugs/<id>/slug.json` says what it is. A slug appears under its id
 *  by one rename, complete, and never changes after; what is being built has a name beginning with `.build-`. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, readlink, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { formatJson, type Json } from "../core/json.ts";
import { formatProcfile, parseProcfile, type Procfile } from "../core/procfile.ts";
import { stampOf, type Sums } from "./content-sum.ts";
import { absent, occupied, remove, syncDirectory, takeBack, writeSynced } from "./slug-files.ts";

export interface Slug extends Partial<Sums> {
  /** `<tree>-<builder key>`: the same code built the same way is the same slug. */
  id: string;
  /** The app's directory: files read-only, directories writable for their owner. */
  dir: string;
  /** The code has a Procfile of its own. */
  declared: boolean;
  /** The process types that are declared, or the default of the app's kind. */
  procfile: Procfile;
  /** What kind of app it is, by its buildpack's word: `Node.js`, `Procfile`. */
  detected: string;
  sizeBytes: number;
  /** Which types of the Procfile are a buildpack's, though the code has a Procfile of its own. */
  defaultTypes?: readonly string[];
  /** What it was built with, where it is more than one buildpack of the platform that found the app by itself. */
  buildpacks?: readonly UsedBuildpack[];
  /** What the last buildpack asks for with the first deploy of an app. */
  first?: FirstDeploy;
  /** Its files are those of the tree: nothing was run among them. */
  plain?: true;
  /** What it depends on is named by its code: another build of the same is the same slug. */
  locked?: true;
  /** Nothing was built: the slug was there already. */
  reused: boolean;
}

export interface UsedBuildpack {
  source: string;
  /** Its commit, or its tree when it has no history; none of a buildpack of the platform. */
  commit?: string;
}

export interface FirstDeploy {
  configVars: Readonly<Record<string, string>>;
  addons: readonly string[];
}

export type SlugFacts = Omit<Slug, "dir" | "reused" | "stamp" | "sum"> & { sum: string | undefined };

const PREFIX = ".build-";
/** What of a workplace is no part of the slug. */
const PASSING = ["env", "home", "tmp", "buildpacks", "layer"];
/** A process may start another while the first is being ended. */
const ROUNDS_MAX = 10;
/** `<tree>-<builder key>` */
export const SLUG_ID = /^[0-9a-f]{40}-[0-9a-f]{12}$/;

/** Builds of this process that are under way, by directory. */
const active = new Set<string>();

/** The slug with this id, or undefined when it was never built or has been removed. */
export async function findSlug(appDir: string, id: string): Promise<Slug | undefined> {
  if (!SLUG_ID.test(id)) return undefined;
  const dir = join(appDir, "slugs", id);
  const text = await readFile(join(dir, "slug.json"), "utf8").catch(absent);
  if (text === undefined) return undefined;
  const facts = JSON.parse(text) as Omit<Slug, "id" | "dir" | "procfile" | "reused"> & { procfile: string };
  return { ...facts, id, dir: join(dir, "app"), procfile: parseProcfile(facts.procfile), reused: true };
}

/** A slug of this tree by whatever builder, the platform's own choice before others: what a release that was built before
 *  an upgrade still runs on. */
export async function findSlugOfTree(appDir: string, tree: string): Promise<Slug | undefined> {
  const ids = (await readdir(join(appDir, "slugs")).catch(absent)) ?? [];
  let chosen: Slug | undefined;
  for (const id of ids.sort()) {
    const slug = id.startsWith(`${tree}-`) ? await findSlug(appDir, id) : undefined;
    if (slug !== undefined && slug.buildpacks === undefined) return slug;
    chosen ??= slug;
  }
  return chosen;
}

/** The last slug that was made of a tree alone and is still as it was: the next tree is likely to be much the same. */
export async function newestPlainSlug(appDir: string): Promise<{ dir: string; tree: string } | undefined> {
  const slugs = join(appDir, "slugs");
  const ids = ((await readdir(slugs).catch(absent)) ?? []).filter((name) => SLUG_ID.test(name));
  const made = await Promise.all(ids.map((id) => stat(join(slugs, id, "slug.json")).catch(() => undefined)));
  const newestFirst = ids
    .map((id, index) => ({ id, madeAt: made[index]?.mtimeMs ?? 0 }))
    .sort((a, b) => b.madeAt - a.madeAt);
  for (const { id } of newestFirst) {
    const slug = await findSlug(appDir, id);
    if (slug?.plain === true && slug.stamp === stampOf(slug.dir))
      return { dir: join(slugs, id), tree: id.slice(0, 40) };
  }
  return undefined;
}

/** Whether a build of this process is under way for the app. */
export function isBuilding(appDir: string): boolean {
  return [...active].some((dir) => dir.startsWith(`${join(appDir, "slugs")}/`));
}

/** Says of a slug, or of what becomes one, that it has files in common with others (layers.ts). */
export async function markShared(slugDir: string): Promise<void> {
  await mkdir(join(slugDir, "layers"), { recursive: true });
}

/** Removes what killed builds left behind, their processes included. Builds of this process stay. */
export async function cleanBuilds(appDir: string): Promise<void> {
  const slugs = join(appDir, "slugs");
  for (const name of (await readdir(slugs).catch(absent)) ?? []) {
    const dir = join(slugs, name);
    if (!name.startsWith(PREFIX) || active.has(dir)) continue;
    await new Workplace(dir).discard();
  }
}

/** One build's workplace, beside the finished slugs so that it can be renamed to one. */
export class Workplace {
  readonly dir: string;
  readonly app: string;
  readonly home: string;
  readonly tmp: string;
  /** One file for each config var, for buildpacks that read them. */
  readonly env: string;
  /** The buildpacks themselves. */
  readonly buildpacks: string;

  constructor(dir: string) {
    this.dir = dir;
    this.app = join(dir, "app");
    this.home = join(dir, "home");
    this.tmp = join(dir, "tmp");
    this.env = join(dir, "env");
    this.buildpacks = join(dir, "buildpacks");
  }

  static async make(appDir: string): Promise<Workplace> {
    const place = new Workplace(join(appDir, "slugs", PREFIX + randomBytes(8).toString("hex")));
    active.add(place.dir);
    for (const dir of [place.app, place.home, place.tmp]) await mkdir(dir, { recursive: true, mode: 0o755 });
    return place;
  }

  /** Makes the slug appear. If another build of the same was faster, that one stays. */
  async publish(appDir: string, facts: SlugFacts): Promise<Slug> {
    for (const name of PASSING) await remove(join(this.dir, name));
    const { id, procfile, ...others } = facts;
    await takeBack(this.app);
    const stamp = stampOf(this.app);
    const about = { ...others, procfile: formatProcfile(procfile), stamp } as unknown as Json;
    await writeSynced(join(this.dir, "slug.json"), formatJson(about));
    const target = join(appDir, "slugs", id);
    const isFirst = await rename(this.dir, target).then(() => true, occupied);
    await syncDirectory(join(appDir, "slugs"));
    active.delete(this.dir);
    if (!isFirst) await this.discard();
    const { sum, ...rest } = facts;
    return { ...rest, ...(sum !== undefined && { sum }), stamp, dir: join(target, "app"), reused: !isFirst };
  }

  /** Takes everything away that was laid out. */
  async emptyApp(): Promise<void> {
    await remove(this.app);
    await mkdir(this.app, { mode: 0o755 });
  }

  async removeFile(path: string): Promise<void> {
    await rm(join(this.app, path), { force: true });
  }

  /** Ends what the tools have left running, in whatever group. */
  async endTools(): Promise<void> {
    await endTools(this);
  }

  async discard(): Promise<void> {
    await this.endTools();
    await remove(this.dir);
    active.delete(this.dir);
  }
}

/** The processes of a build are known by the home that only this build had, or by standing in its directory, also when the
 *  daemon that started them was killed. Where the machine has no /proc they are left to end by themselves, with nowhere to write. */
async function endTools({ home, dir }: Workplace): Promise<void> {
  const mark = `\0HOME=${home}\0`;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const pids = ((await readdir("/proc").catch(() => undefined)) ?? []).filter((name) => /^[0-9]+$/.test(name));
    const isOurs = async (pid: string): Promise<boolean> => {
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
      const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
      return cwd.startsWith(`${dir}/`) || `\0${environ}`.includes(mark);
    };
    const verdicts = await Promise.all(pids.map(isOurs));
    const ours = pids.filter((_, index) => verdicts[index] === true);
    if (ours.length === 0) return;
    for (const pid of ours) kill(Number(pid));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
