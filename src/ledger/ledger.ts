/** An app's ledger: its releases as commits on `refs/heads/releases` and its state on `refs/heroku/state`
 *  (docs/formats.md). One writer at a time per app, compare-and-swap against everybody else; what `append` has
 *  returned is on disk, what it has not returned either happened whole or not at all. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Person } from "../core/person.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { Release } from "../core/release.ts";
import { CodeMerger } from "./code-merge.ts";
import { DeployBranch } from "./deploy-branch.ts";
import type { Refs } from "./bundle-format.ts";
import { readIfThere } from "./durable-file.ts";
import { openRepository, type Repository } from "./git-process.ts";
import type { Ink } from "./ink.ts";
import { LedgerHistory } from "./ledger-history.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { ObjectReader } from "./object-reader.ts";
import { ObjectStore } from "./object-store.ts";
import { RefUpdater, type MoveOutcome, type RefMove } from "./ref-updater.ts";
import { readRefs } from "./read-refs.ts";
import { ReleaseLog, RELEASES_REF } from "./release-log.ts";
import { ReleaseNotes } from "./release-notes.ts";
import { readSnapshot, writeRelease, type NewRelease, type Snapshot } from "./release-writer.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { chooseSigners, keyInForce, removeHandedOver } from "./signer.ts";
import { removeStaleLocks } from "./stale-locks.ts";
import { StateBranch, type State, type StateChange } from "./state-branch.ts";
import { isUpkeepDue, keepUp } from "./upkeep.ts";
import { VersionIndex } from "./version-index.ts";

export interface LedgerOptions {
  /** The app's bare repository, absolute. */
  repoPath: string;
  /** Where the version index is kept; derived, may be deleted at any time. */
  indexPath: string;
  /** The platform's. */
  signingKey: LedgerKey;
  /** Where the key of another platform is kept that signed this ledger before; see `chooseSigners`. */
  handedOverKeyPath?: string | undefined;
  /** The platform. */
  committer: Person;
  clock: Clock;
  /** Called after each commit that this ledger has written. */
  onWrite?: () => void;
}

/** What a new release starts from. */
export interface Base {
  /** The newest release. */
  head: Release | undefined;
  /** The newest succeeded one: what should be running. */
  current: Release | undefined;
}

const FILE_BYTES_MAX = 1024 * 1024;
const SNAPSHOTS_CACHED_MAX = 20;
/** Tries without anybody having made a release meanwhile; one that lost against another process costs none, since git
 *  starts again after it, which lets the winner win again. */
const ATTEMPTS_MAX = 25;

export class Ledger {
  /** What differs between releases, and who changed what. */
  readonly history: LedgerHistory;
  readonly code: CodeMerger;
  readonly notes: ReleaseNotes;
  readonly #repository: Repository;
  readonly #ink: Ink;
  readonly #index: VersionIndex;
  readonly #log: ReleaseLog;
  readonly #state: StateBranch;
  readonly #queue = new SerialQueue();
  readonly #snapshots = new RecentMap<string, Snapshot>(SNAPSHOTS_CACHED_MAX);
  readonly #onWrite: () => void;
  readonly #handedOverKeyPath: string | undefined;
  readonly #deployBranch: DeployBranch;

  private constructor(options: LedgerOptions) {
    this.#repository = openRepository(options.repoPath, options.committer);
    const reader = new ObjectReader(this.#repository);
    const objects = new ObjectStore(options.repoPath, reader);
    const { signingKey, committer, clock } = options;
    this.#ink = { objects, refs: new RefUpdater(this.#repository), signingKey, committer, clock };
    this.#handedOverKeyPath = options.handedOverKeyPath;
    this.#index = new VersionIndex(options.indexPath, this.#repository);
    this.#log = new ReleaseLog(objects, this.#index, this.#repository);
    this.#deployBranch = new DeployBranch(this.#repository, this.#ink, this.#log);
    this.history = new LedgerHistory(this.#repository, objects, this.#log);
    this.#state = new StateBranch(this.#ink);
    this.#onWrite = options.onWrite ?? (() => undefined);
    this.code = new CodeMerger(this.#repository, this.#ink);
    this.notes = new ReleaseNotes(this.#repository, this.#ink, this.#log);
  }

  /** Opens the ledger and repairs what a crash may have left: locks, the deploy branch, the version index. The caller
   *  must be the only daemon of this repository. */
  static async open(options: LedgerOptions): Promise<Ledger> {
    await removeStaleLocks(options.repoPath, options.clock.now());
    const ledger = new Ledger(options);
    try {
      await ledger.#recover();
    } catch (error) {
      await ledger.close();
      throw error;
    }
    return ledger;
  }

  head(): Promise<Release | undefined> {
    return this.#log.head();
  }

  /** The newest succeeded release. */
  async current(): Promise<Release | undefined> {
    return this.#log.newest("succeeded", await this.#log.head());
  }

  /** @throws AppError not_found when there is no such version. */
  get(version: number): Promise<Release> {
    return this.#log.get(version);
  }

  /** The release whose object id begins with these hexadecimal digits, an even number of them. */
  find(oidStart: string): Promise<Release | undefined> {
    return this.#log.find(oidStart);
  }

  /** At most `max` releases, newest first; with `before`, those older than that version. */
  list({ max, before }: { max: number; before?: number | undefined }): Promise<Release[]> {
    return this.#log.list(max, before);
  }

  async snapshot(release: Release): Promise<Snapshot> {
    const known = this.#snapshots.get(release.tree);
    if (known !== undefined) return known;
    const snapshot = await readSnapshot(this.#ink, release);
    this.#snapshots.set(release.tree, snapshot);
    return snapshot;
  }

  /** Makes a release. `plan` is told what it builds upon and returns the release, or undefined for none; the app's
   *  other releases wait while it works. It is asked again if another process made a release meanwhile.
   *  @throws AppError conflict when the deploy branch is not where the plan expects it. */
  append(plan: (base: Base) => Promise<NewRelease | undefined>): Promise<Release | undefined> {
    return this.#queue.run(() => this.#append(plan));
  }

  /** The public key that the next release has to be signed with, or vouched for by. */
  async keyInForce(): Promise<string | undefined> {
    const head = await this.#log.head();
    return head && keyInForce(head, (await this.#ink.objects.readCommit(head.oid)).signature);
  }

  readState(): Promise<State> {
    return this.#state.read();
  }

  /** Does not wait for releases. Returns whether anything changed. */
  /** Who made the newest change of it. */
  stateAuthor(): Promise<Person | undefined> {
    return this.#state.author();
  }

  async changeState(what: StateChange, change: (state: State) => State | undefined): Promise<boolean> {
    const hasChanged = await this.#state.change(what, change);
    if (hasChanged) this.#onWrite();
    return hasChanged;
  }

  /** `refs/heads/main` or `refs/heads/master`; undefined until the first deploy has fixed it. */
  deployBranch(): Promise<string | undefined> {
    return this.#deployBranch.name();
  }

  /** Where a ref points to. */
  ref(name: string): Promise<string | undefined> {
    return this.#ink.objects.reader.ref(name);
  }

  /** Looks at every ref while no release is made. */
  hold<T>(look: (refs: Refs) => Promise<T>): Promise<T> {
    return this.#queue.run(async () => look(await readRefs(this.#repository)));
  }

  /** The commit (a tag is followed) and its tree; undefined when the object is no commit or not there. */
  resolveCommit(oid: string): Promise<{ oid: string; tree: string } | undefined> {
    return this.#ink.objects.resolveCommit(oid);
  }

  /** A regular file of a code commit, such as its Procfile; undefined when absent.
   *  @throws AppError invalid_params over 1 MiB. */
  readFile(commit: string, path: string): Promise<string | undefined> {
    return this.#ink.objects.readFile(commit, path, FILE_BYTES_MAX);
  }

  /** Whether history was cut off in this repository, which then is no complete backup. */
  async isShallow(): Promise<boolean> {
    try {
      return (await stat(join(this.#repository.path, "shallow"))).size > 0;
    } catch {
      return false;
    }
  }

  /** Whether so much was written that `keepUp` is worth its while. */
  isUpkeepDue(): Promise<boolean> {
    return isUpkeepDue(this.#repository.path);
  }

  /** Packs what was written. Nothing waits for it and nothing notices; it ends early when the signal aborts, and must
   *  have ended before `close`. */
  keepUp(signal: AbortSignal): Promise<void> {
    return keepUp(this.#repository, this.#ink.clock.now(), signal);
  }

  /** Finishes what was asked for and lets the git processes go. */
  async close(): Promise<void> {
    await Promise.all([this.#queue.drained(), this.#state.drained()]);
    await Promise.all([this.#ink.refs.close(), this.#ink.objects.reader.close(), this.history.close()]);
  }

  async #recover(): Promise<void> {
    const head = await this.#log.head();
    if (head === undefined) return this.#checkIsNew();
    await this.#log.before(head);
    const { signingKey } = this.#ink;
    Object.assign(this.#ink, await chooseSigners(await this.keyInForce(), signingKey, this.#handedOverKeyPath));
    await this.#deployBranch.restore(head);
    if (!(await this.#index.agreesWith(head))) await this.#index.repair(head);
  }

  /** A head that is there but cannot be read must not look like an app without releases. */
  async #checkIsNew(): Promise<void> {
    const loose = await readIfThere(join(this.#repository.path, RELEASES_REF));
    const packed = await readIfThere(join(this.#repository.path, "packed-refs"));
    if (loose !== undefined || packed?.includes(` ${RELEASES_REF}\n`) === true) {
      throw new Error(`The head of the ledger cannot be read: ${this.#repository.path} is damaged.`);
    }
  }

  async #append(plan: (base: Base) => Promise<NewRelease | undefined>): Promise<Release | undefined> {
    let [reason, before] = ["", ""];
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const head = await this.#log.head();
      if (head !== undefined && head.oid !== before) [before, attempt] = [head.oid, 0];
      const current = await this.#log.newest("succeeded", head);
      const asked = await plan({ head, current });
      if (asked === undefined) return undefined;
      if ((head === undefined) !== (asked.change === "initial")) throw new Error("v1, and only v1, is initial.");
      // A commit that was written for nothing is no release.
      const writing = writeRelease(this.#ink, asked, head);
      const [claimed] = await Promise.allSettled([this.#deployBranch.claim(asked.deployRef), writing]);
      if (claimed.status === "rejected") throw claimed.reason;
      const release = await writing;
      const outcome = await this.#ink.refs.move(movesOf(asked, release));
      if (await this.#hasHappened(release, outcome)) {
        this.#index.append(release);
        if (this.#ink.nextKey !== undefined) await this.#handOver(this.#ink.nextKey);
        this.#onWrite();
        return this.#log.remember(release);
      }
      reason = outcome.kind === "moved" ? "" : outcome.reason;
    }
    throw new Error(`Could not move ${RELEASES_REF}: ${reason}`);
  }

  /** The release just made announced this key. A crash before the old one is gone is mended by the next `open`. */
  async #handOver(key: LedgerKey): Promise<void> {
    this.#ink.signingKey = key;
    this.#ink.nextKey = undefined;
    await removeHandedOver(this.#handedOverKeyPath);
  }

  /** git may have died, or run out of disk, between the refs of the transaction: the ledger moves first and decides. */
  async #hasHappened(release: Release, outcome: MoveOutcome): Promise<boolean> {
    if (outcome.kind === "moved") return true;
    if ((await this.ref(RELEASES_REF)) !== release.oid) return false;
    await this.#deployBranch.restore(release);
    return true;
  }
}

function movesOf({ deployRef }: NewRelease, release: Release): RefMove[] {
  const ledger = { ref: RELEASES_REF, from: release.parent, to: release.oid };
  return deployRef === undefined ? [ledger] : [ledger, { ref: deployRef.ref, from: deployRef.old, to: deployRef.new }];
}
