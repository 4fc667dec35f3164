/** Buildpacks from elsewhere, as trees in one repository of the app's cache: whatever a buildpack is fetched from, it has
 *  an object id there, by which a build can be done again with the same one. */
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { parseBuildpack, type BuildpackSource } from "../core/buildpack.ts";
import { AppError } from "../core/error.ts";
import { FetchRepository, lastWords, type FetchContext } from "./fetch-repository.ts";
import { gitOutput, runProgram, ToolFailed } from "./git.ts";

/** A buildpack that an app is built with. */
export interface ChosenBuildpack {
  /** As it is kept in the state. */
  source: string;
  /** The object id of an earlier build that is to be done again. */
  commit?: string;
}

const TARBALL_BYTES_MAX = 200_000_000;
const PROTOCOLS = "https:http:git:ssh:file";

/** Gives the id of the buildpack's commit, or of its tree when it has no history.
 *  @throws AppError invalid_params when it cannot be fetched or is no buildpack */
export async function fetchBuildpack(context: FetchContext, { source, commit }: ChosenBuildpack): Promise<string> {
  const fetch = new Fetch(context, source);
  return fetch.repository.use(() => fetch.run(commit));
}

/** Lays the buildpack out in an empty directory. */
export async function layOutBuildpack(context: FetchContext, oid: string, dir: string): Promise<void> {
  await repositoryOf(context).layOut({ from: oid, dir, umask: "0022" });
}

function repositoryOf(context: FetchContext): FetchRepository {
  return new FetchRepository(context, "buildpacks.git", { GIT_ALLOW_PROTOCOL: PROTOCOLS });
}

class Fetch {
  readonly #context: FetchContext;
  readonly #source: string;
  readonly repository: FetchRepository;

  constructor(context: FetchContext, source: string) {
    this.#context = context;
    this.#source = source;
    this.repository = repositoryOf(context);
  }

  async run(pinned: string | undefined): Promise<string> {
    const from = parseBuildpack(this.#source);
    if (pinned !== undefined && (await this.repository.has(pinned))) return pinned;
    const oid = await this.#fetch(from, pinned).catch((error: unknown) => this.#explain(error));
    await this.#checkParts(oid);
    return oid;
  }

  #fetch(from: BuildpackSource, pinned: string | undefined): Promise<string> {
    if (from.kind === "git") return this.#pull(from.url, pinned ?? from.ref);
    if (from.kind === "tarball") return this.#download(from.place);
    if (from.kind === "directory") return this.#copy(from.path, pinned ?? from.ref);
    throw new Error(`${from.name} comes with the platform`);
  }

  /** A ref for each source keeps what was fetched. */
  async #pull(url: string, ref: string | undefined): Promise<string> {
    const own = `refs/buildpacks/${createHash("sha256").update(this.#source).digest("hex").slice(0, 16)}`;
    return this.repository.pull(url, ref, own);
  }

  async #copy(path: string, ref: string | undefined): Promise<string> {
    const isThere = await stat(path).then(
      (about) => about.isDirectory(),
      () => false,
    );
    if (!isThere) throw this.#unreachable("There is no such directory on the platform's machine.");
    const isRepository = existsSync(join(path, ".git")) || existsSync(join(path, "objects"));
    if (isRepository) return this.#pull(path, ref);
    if (!existsSync(join(path, "bin", "compile"))) throw this.#noBuildpack("bin/compile");
    return this.#store(path);
  }

  async #download(place: string): Promise<string> {
    const scratch = join(this.#context.cacheDir, `.fetch-${randomBytes(6).toString("hex")}`);
    const unpacked = join(scratch, "unpacked");
    await mkdir(unpacked, { recursive: true });
    try {
      const file = place.startsWith("/") ? place : await this.#get(place, join(scratch, "tarball"));
      await runProgram(this.repository.git, "tar", ["-x", "-z", "-o", "-f", file, "-C", unpacked]);
      return await this.#store(await topOf(unpacked));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async #get(url: string, file: string): Promise<string> {
    const answer = await fetch(url, { signal: this.#context.signal });
    if (!answer.ok || answer.body === null) {
      throw this.#unreachable(`The server answers ${String(answer.status)} ${answer.statusText}.`);
    }
    let bytes = 0;
    const source = Readable.fromWeb(answer.body as ReadableStream);
    source.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > TARBALL_BYTES_MAX) source.destroy(this.#unreachable("It has more than 200 MB."));
    });
    await pipeline(source, createWriteStream(file, { mode: 0o600 }));
    return file;
  }

  /** The files as they are, without a history. */
  async #store(dir: string): Promise<string> {
    const index = join(this.#context.cacheDir, `.index-${randomBytes(6).toString("hex")}`);
    const git = { ...this.repository.git, env: { ...this.repository.git.env, GIT_INDEX_FILE: index } };
    try {
      await gitOutput(git, [`--work-tree=${dir}`, "-C", dir, "add", "--all", "--force", "."]);
      return (await gitOutput(git, ["write-tree"])).toString().trim();
    } finally {
      await rm(index, { force: true });
    }
  }

  async #checkParts(oid: string): Promise<void> {
    const names = (
      await gitOutput(this.repository.git, ["ls-tree", "--name-only", `${oid}^{tree}`, "bin/"])
    ).toString();
    for (const part of ["bin/detect", "bin/compile"]) {
      if (!names.split("\n").includes(part)) throw this.#noBuildpack(part);
    }
  }

  #explain(error: unknown): never {
    this.#context.signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    if (error instanceof ToolFailed) throw this.#unreachable(lastWords(error.said), error);
    if (error instanceof TypeError) throw this.#unreachable(causeOf(error), error);
    throw error;
  }

  #unreachable(why: string, cause?: unknown): AppError {
    return new AppError("invalid_params", `The buildpack ${this.#source} cannot be fetched.`, { hint: why, cause });
  }

  #noBuildpack(missing: string): AppError {
    return new AppError("invalid_params", `${this.#source} is not a buildpack: it has no ${missing}.`, {
      hint: "Check its address, and the ref behind #.",
    });
  }
}

/** Archives made of a repository have one directory around everything. */
async function topOf(dir: string): Promise<string> {
  const names = await readdir(dir);
  return names.length === 1 && names[0] !== undefined && names[0] !== "bin" ? join(dir, names[0]) : dir;
}

/** `fetch` says why in the cause. */
function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
