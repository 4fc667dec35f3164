/** Looks back over a ledger: what differs between two releases, and which release changed the config. Reads only; every
 *  question runs git processes of its own, so nothing here waits for the ledger's writer or makes it wait. */
import type { Release } from "../core/release.ts";
import { subjectOf } from "./code-commits.ts";
import {
  changedFiles,
  commitsBetween,
  makeFileDiffer,
  patch,
  type Code,
  type CommitsBetween,
  type FileChange,
} from "./code-diff.ts";
import { configSteps, type ConfigStep } from "./config-steps.ts";
import type { Repository } from "./git-process.ts";
import type { ObjectStore } from "./object-store.ts";
import type { ReleaseLog } from "./release-log.ts";
import type { TreeDiffer } from "./tree-differ.ts";

export class LedgerHistory {
  readonly #repository: Repository;
  readonly #objects: ObjectStore;
  readonly #log: ReleaseLog;
  readonly #differ: TreeDiffer;

  constructor(repository: Repository, objects: ObjectStore, log: ReleaseLog) {
    this.#repository = repository;
    this.#objects = objects;
    this.#log = log;
    this.#differ = makeFileDiffer(repository);
  }

  /** Resolves when no process of it is left. */
  close(): Promise<void> {
    return this.#differ.close();
  }

  /** Gets ready for a comparison that will be asked for in a moment. */
  prepare(): void {
    this.#differ.prepare();
  }

  changedFiles(from: Code, to: Code): Promise<FileChange[]> {
    return changedFiles(this.#repository, this.#differ, [from, to]);
  }

  commitsBetween(from: Code, to: Code): Promise<CommitsBetween> {
    return commitsBetween(this.#repository, this.#objects.reader, [from, to]);
  }

  patch(sides: readonly [Code, Code], options: { colours: boolean; bytesMax: number }): AsyncGenerator<Buffer> {
    return patch(this.#repository, sides, options);
  }

  /** From a succeeded release backwards: who changed the config. */
  configSteps(current: Release): AsyncGenerator<ConfigStep> {
    return configSteps(this.#repository, current, (version) => this.#log.get(version));
  }

  /** The first paragraph of a code commit's message, on one line, as `git log --format=%s` has it. */
  async subject(commit: string): Promise<string | undefined> {
    const found = await this.#objects.reader.contents(commit);
    if (found?.type !== "commit") return undefined;
    return subjectOf(found.data.toString("utf8"));
  }

  /** The text of a file; undefined when it is larger than `bytesMax`. */
  async text(oid: string, bytesMax: number): Promise<string | undefined> {
    const info = await this.#objects.reader.info(oid);
    if (info === undefined || info.sizeBytes > bytesMax) return undefined;
    return this.#objects.readText(oid);
  }
}
