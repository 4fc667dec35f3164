/** Reads releases: the head, a version, the last fifteen. Releases never change, so those read once stay in memory;
 *  every step from a release to the one before it checks that no version is missing between them. */
import { AppError } from "../core/error.ts";
import { parseRelease } from "../core/release-commit.ts";
import { formatVersion, type Release } from "../core/release.ts";
import { runGit, type Repository } from "./git-process.ts";
import type { ObjectStore } from "./object-store.ts";
import type { VersionIndex } from "./version-index.ts";

export const RELEASES_REF = "refs/heads/releases";
const CACHED_MAX = 300;
/** So many releases are read one by one before git is asked to search. */
const NEAR = 50;

/** `succeeded`: any that did; `deployed`: a deploy that did. */
type Kind = "succeeded" | "deployed";
const TRAILERS: Record<Kind, readonly string[]> = {
  succeeded: ["Status: succeeded"],
  deployed: ["Status: succeeded", "Change: deploy"],
};

export class ReleaseLog {
  readonly #objects: ObjectStore;
  readonly #index: VersionIndex;
  readonly #repository: Repository;
  readonly #cache = new Map<string, Release>();
  /** What it was when it was asked for last. */
  #head: Release | undefined;
  /** What was found last, and from which release on. */
  readonly #newest = new Map<Kind, { from: string; found: Release | undefined }>();

  constructor(objects: ObjectStore, index: VersionIndex, repository: Repository) {
    this.#objects = objects;
    this.#index = index;
    this.#repository = repository;
  }

  async head(): Promise<Release | undefined> {
    const { reader } = this.#objects;
    if (this.#head !== undefined && reader.isStillAt(RELEASES_REF, this.#head.oid)) return this.#head;
    const oid = await reader.ref(RELEASES_REF);
    this.#head = oid === undefined ? undefined : await this.read(oid);
    return this.#head;
  }

  async read(oid: string): Promise<Release> {
    const known = this.#cache.get(oid);
    if (known !== undefined) return known;
    return this.remember(parseRelease(oid, await this.#objects.readCommit(oid)));
  }

  remember(release: Release): Release {
    this.#cache.set(release.oid, release);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > CACHED_MAX && oldest !== undefined) this.#cache.delete(oldest);
    return release;
  }

  async before(release: Release): Promise<Release | undefined> {
    if (release.parent === undefined) return undefined;
    const parent = await this.read(release.parent);
    if (parent.version !== release.version - 1) {
      throw new Error(`${formatVersion(release.version)} follows ${formatVersion(parent.version)} in the ledger.`);
    }
    return parent;
  }

  /** The newest release of a kind, from this one backwards. Looks at what is new since the last time; when the nearest
   *  releases are of another kind, as after thousands of failed ones, git finds it in one go. */
  async newest(kind: Kind, from: Release | undefined): Promise<Release | undefined> {
    if (from === undefined) return undefined;
    const known = this.#newest.get(kind);
    const isEnd = (one: Release): boolean => isOfKind(kind, one) || one.oid === known?.from;
    let end: Release | undefined = from;
    for (let steps = 0; end !== undefined && !isEnd(end) && steps < NEAR; steps += 1) end = await this.before(end);
    let found = end;
    if (end !== undefined && !isOfKind(kind, end)) {
      found = end.oid === known?.from ? known.found : await this.#findBehind(kind, end);
    }
    this.#newest.set(kind, { from: from.oid, found });
    return found;
  }

  /** No description can look like a trailer (core/release-commit.ts), and what git finds is read and looked at again. */
  async #findBehind(kind: Kind, from: Release): Promise<Release | undefined> {
    const patterns = TRAILERS[kind].map((line) => `--grep=^${line}$`);
    const args = ["rev-list", "--first-parent", "--max-count=1", "--all-match", ...patterns, from.oid];
    const oid = (await runGit(this.#repository, args)).trim();
    if (oid === "") return undefined;
    const found = await this.read(oid);
    if (isOfKind(kind, found)) return found;
    throw new Error(`${formatVersion(found.version)} is not what its message says.`);
  }

  /** @throws AppError not_found when there is no such version. */
  async get(version: number): Promise<Release> {
    const head = await this.head();
    if (head === undefined || !Number.isInteger(version) || version < 1 || version > head.version) {
      throw new AppError("not_found", `There is no release ${formatVersion(version)}.`, {
        hint: "`git heroku releases` lists them.",
      });
    }
    return this.#at(version, head);
  }

  /** The release whose object id begins with these hexadecimal digits, an even number of them. */
  async find(oidStart: string): Promise<Release | undefined> {
    const head = await this.head();
    const version = head && (await this.#index.find(Buffer.from(oidStart, "hex"), head));
    return version === undefined ? undefined : this.get(version);
  }

  /** At most `max` releases older than version `before`, newest first. */
  async list(max: number, before: number | undefined): Promise<Release[]> {
    const head = await this.head();
    const start = head && Math.min(head.version, (before ?? Infinity) - 1);
    const releases: Release[] = [];
    if (head === undefined || start === undefined || start < 1) return releases;
    let release: Release | undefined = await this.#at(start, head);
    while (release !== undefined && releases.length < max) {
      releases.push(release);
      release = releases.length < max ? await this.before(release) : undefined;
    }
    return releases;
  }

  async #at(version: number, head: Release): Promise<Release> {
    if (version === head.version) return head;
    const found = await this.read(await this.#index.lookUp(version, head));
    if (found.version === version) return found;
    await this.#index.rebuild(head);
    const again = await this.read(await this.#index.lookUp(version, head));
    if (again.version !== version) throw new Error(`${formatVersion(version)} is not where the ledger should have it.`);
    return again;
  }
}

function isOfKind(kind: Kind, release: Release): boolean {
  return release.status === "succeeded" && (kind === "succeeded" || release.change === "deploy");
}
