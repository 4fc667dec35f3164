/** The code of git submodules, which a push does not carry: fetched by the commits that the code names, into the app's cache,
 *  submodules of submodules too. */
import { join } from "node:path";
import type { IsIgnored } from "../core/slug-ignore.ts";
import { notFetched, parseGitModules, submoduleUrl, withoutPassword } from "../core/submodule.ts";
import { FetchRepository, lastWords, type FetchContext } from "./fetch-repository.ts";
import { gitOutput, listTree, ToolFailed, type CheckOut, type GitContext, type TreeFile } from "./git.ts";

export interface Submodule {
  path: string;
  commit: string;
  /** By their paths in the app. */
  files: readonly TreeFile[];
  layOut(checkout: Omit<CheckOut, "from">): Promise<void>;
}

/** No files and no programs of this machine, and nothing that the keys and passwords of the platform's user open: neither ssh nor
 *  ~/.netrc. Whoever pushes names the address. */
const FETCH_ENV = { GIT_ALLOW_PROTOCOL: "https:http:git", HOME: "/nonexistent" };
const GITLINK = "160000";
const COUNT_MAX = 100;
const GIT_MODULES = ".gitmodules";

export function isSubmodule({ mode }: Pick<TreeFile, "mode">): boolean {
  return mode === GITLINK;
}

export interface SubmoduleRequest {
  /** The repository that has the code. */
  git: GitContext;
  fetch: FetchContext;
  /** Of the code. */
  files: readonly TreeFile[];
  /** By path in the app. */
  isIgnored: IsIgnored;
  say: (text: string) => void;
}

/** Those above others first.
 *  @throws AppError invalid_params when one cannot be fetched */
export async function fetchSubmodules(request: SubmoduleRequest): Promise<Submodule[]> {
  const links = request.files.filter((file) => isSubmodule(file) && !isLeftOut(request, file.path));
  if (links.length === 0) return [];
  request.say("-----> Fetching submodules\n");
  const repository = new FetchRepository(request.fetch, "submodules.git", FETCH_ENV);
  return repository.use(() => new Fetching(repository, request).run());
}

/** It is a directory. */
function isLeftOut({ isIgnored }: SubmoduleRequest, path: string): boolean {
  return isIgnored(`${path}/`);
}

/** Code that may have submodules. */
interface Parent {
  git: GitContext;
  files: readonly TreeFile[];
  /** Of the code in the app: empty, or ends with a slash. */
  prefix: string;
  /** Where it was fetched from. */
  url: string | undefined;
}

class Fetching {
  readonly #repository: FetchRepository;
  readonly #request: SubmoduleRequest;

  constructor(repository: FetchRepository, request: SubmoduleRequest) {
    this.#repository = repository;
    this.#request = request;
  }

  async run(): Promise<Submodule[]> {
    const { git, files } = this.#request;
    const found: Submodule[] = [];
    const waiting: Parent[] = [{ git, files, prefix: "", url: undefined }];
    for (let parent = waiting.shift(); parent !== undefined; parent = waiting.shift()) {
      const links = parent.files.filter(isSubmodule);
      const urls = links.length === 0 ? new Map<string, string>() : await addressesIn(parent);
      for (const { path: name, oid } of links) {
        const path = parent.prefix + name;
        if (isLeftOut(this.#request, path)) continue;
        if (found.length === COUNT_MAX) throw notFetched(path, `There are more than ${String(COUNT_MAX)} of them.`);
        const url = submoduleUrl(path, urls.get(name), parent.url);
        const inner = await this.#fetch(path, oid, url);
        waiting.push({ git: this.#repository.git, files: inner, prefix: `${path}/`, url });
        found.push(this.#describe(path, oid, inner));
      }
    }
    return found;
  }

  async #fetch(path: string, oid: string, url: string): Promise<readonly TreeFile[]> {
    const shown = withoutPassword(url);
    this.#request.say(`       ${path} from ${shown} (${oid.slice(0, 7)})\n`);
    try {
      await this.#repository.pull(url, oid, `refs/submodules/${oid}`);
    } catch (error) {
      this.#request.fetch.signal.throwIfAborted();
      if (!(error instanceof ToolFailed)) throw error;
      const words = lastWords(error.said).replaceAll(url, shown);
      const isMissing = /Needed a single revision|not our ref/.test(error.said);
      throw notFetched(path, isMissing ? `${shown} does not have its commit ${oid}.` : `${words}.`, error);
    }
    return listTree(this.#repository.git, oid);
  }

  #describe(path: string, commit: string, inner: readonly TreeFile[]): Submodule {
    const files = inner.map((file) => ({ ...file, path: `${path}/${file.path}` }));
    // What is pushed was checked by git as it came; this was not.
    if (files.some((file) => !isWithin(file.path))) throw notFetched(path, "It has files outside of itself.");
    const layOut = ({ dir, umask }: Omit<CheckOut, "from">): Promise<void> =>
      this.#repository.layOut({ from: commit, dir: join(dir, path), umask });
    return { path, commit, files, layOut };
  }
}

function isWithin(path: string): boolean {
  return path.split("/").every((part) => !/^(?:\.{0,2}|\.git)$/i.test(part));
}

/** What `.gitmodules` says, by path. */
async function addressesIn({ git, files }: Parent): Promise<Map<string, string>> {
  const file = files.find(({ path, mode }) => path === GIT_MODULES && mode.startsWith("100"));
  if (file === undefined) return new Map();
  const listing = await gitOutput(git, ["config", "--blob", file.oid, "--list", "-z"]).catch((error: unknown) => {
    git.signal.throwIfAborted();
    throw notFetched(GIT_MODULES, `${error instanceof ToolFailed ? lastWords(error.said) : String(error)}.`, error);
  });
  return parseGitModules(listing.toString("utf8"));
}
