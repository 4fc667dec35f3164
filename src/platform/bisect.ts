/** releases:bisect: the search for the first bad release of an app. What is known of it is on disk after each step
 *  (`bisect.json`), so that it goes on after a crash of anything: a probe under way is adopted with its process, one that
 *  never began is run again, and a verdict is recorded once. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { nextBisectStep, type BisectStep, type Candidate } from "../core/bisect.ts";
import { candidatesOf, checkEnds, isCandidate } from "../core/bisect-range.ts";
import { judgeProbe, withoutProbe, withVerdict, type BisectRecord } from "../core/bisect-record.ts";
import { AppError } from "../core/error.ts";
import { oneOffCommand } from "../core/procfile.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { OneOffEnd } from "../formation/one-off.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { BisectFile } from "./bisect-file.ts";
import { loadRelease, type LoadedRelease } from "./launch.ts";
import type { Platform } from "./platform.ts";
import { checkCommand } from "./run-detached.ts";

export interface BisectRequest {
  command: string;
  /** The oldest release with code unless another is named. */
  good?: number | undefined;
  /** The current release unless another is named. */
  bad?: number | undefined;
  timeoutMs: number;
  trusting: boolean;
}

/** Where a bisection stands. */
export interface BisectState {
  readonly record: BisectRecord;
  readonly step: BisectStep;
}

/** What a bisection would look at. */
export interface BisectPlan {
  readonly record: BisectRecord;
  readonly candidates: readonly Candidate[];
}

export class Bisect {
  readonly #platform: Platform;
  readonly #app: App;
  readonly #file: BisectFile;
  /** Only while a search is under way. */
  #candidates: { readonly range: string; readonly list: readonly Candidate[] } | undefined;
  #probing: Promise<void> | undefined;
  /** Told when a probe has ended, with a verdict or without. */
  readonly #waiters = new Map<string, () => void>();

  constructor(platform: Platform, app: App) {
    this.#platform = platform;
    this.#app = app;
    this.#file = new BisectFile(join(platform.home.app(app.name), "bisect.json"));
  }

  /** @throws AppError not_found when there is none, conflict when the ledger is another one now. */
  async state(): Promise<BisectState> {
    const record = await this.#file.read();
    if (record === undefined) {
      throw new AppError("not_found", `No bisection of ${this.#app.name} is under way.`, {
        hint: "Begin one: git heroku releases:bisect vGood vBad -- COMMAND",
      });
    }
    const verdicts = new Map(record.verdicts.map(({ tree, verdict }) => [tree, verdict]));
    const step = nextBisectStep(await this.#candidatesOf(record), verdicts, record.trusting);
    if (!isOpen(step)) this.#candidates = undefined;
    return { record, step };
  }

  /** @throws AppError invalid_params for ends or a command that will not do. */
  async plan(request: BisectRequest): Promise<BisectPlan> {
    checkCommand(request.command);
    const { ledger } = this.#app;
    const bad = request.bad === undefined ? await ledger.current() : await ledger.get(request.bad);
    const good = request.good === undefined ? await this.#oldest() : await ledger.get(request.good);
    if (bad === undefined || good === undefined) throw nothingToBisect(this.#app);
    checkEnds(good, bad);
    const record = {
      command: request.command,
      good: good.version,
      bad: bad.version,
      goodOid: good.oid,
      badOid: bad.oid,
      timeoutMs: request.timeoutMs,
      trusting: request.trusting,
      verdicts: [],
    };
    return { record, candidates: await this.#readCandidates(record) };
  }

  /** @throws AppError conflict while another one is under way. */
  async start(request: BisectRequest, actor: Actor): Promise<void> {
    const { record, candidates } = await this.plan(request);
    const old = await this.#file.read();
    if (old !== undefined && isOpen((await this.state()).step)) throw underWay(this.#app, old);
    await this.#file.change((now) => {
      if (now !== old) throw underWay(this.#app, now ?? record);
      return record;
    });
    this.#candidates = { range: rangeOf(record), list: candidates };
    this.#app.logChange(actor, `Bisect ${formatVersion(record.good)} to ${formatVersion(record.bad)}`);
  }

  /** Makes the next probe, or waits for the one under way; returns when it has ended.
   *  @throws AppError unavailable when the platform stops meanwhile: the probe runs on, and is counted later. */
  async step(): Promise<BisectState> {
    const state = await this.state();
    if (!isOpen(state.step)) return state;
    this.#probing ??= this.#probe(state.record, state.step.version).finally(() => {
      this.#probing = undefined;
    });
    await this.#untilEnding(this.#probing);
    return this.state();
  }

  /** Forgets it all, and ends a probe under way. */
  async reset(actor: Actor): Promise<void> {
    const id = await this.#probeId();
    if (!(await this.#file.remove())) return;
    this.#app.logChange(actor, "Forget the bisection");
    if (id === undefined) return;
    this.#app.oneOffs.cancel(id);
    this.#waiters.get(id)?.();
  }

  /** A one-off process is gone. If it was the probe under way, its verdict is on disk when this resolves. */
  async probeEnded(end: OneOffEnd): Promise<void> {
    const { id, status, hasRunOut } = end;
    try {
      if ((await this.#probeId()) !== id) return;
      await this.#file.change((record) => {
        if (record?.probe?.id !== id) return record;
        const { version, tree } = record.probe;
        if (status === undefined) return withoutProbe(record);
        return withVerdict(record, { version, tree, ...judgeProbe({ status, hasRunOut }, record.timeoutMs) });
      });
    } finally {
      this.#waiters.get(id)?.();
    }
  }

  /** The probe's process is about to be stopped from outside: its end will be no verdict.
   *  @param ids of the processes concerned; left out, whichever it is. */
  async giveUpProbe(ids?: readonly string[]): Promise<void> {
    const id = await this.#probeId();
    if (id === undefined || ids?.includes(id) === false) return;
    await this.#file.change((record) => (record?.probe?.id === id ? withoutProbe(record) : record));
    this.#waiters.get(id)?.();
  }

  /** A file that cannot be read names no probe; whoever asks for the bisection itself is told. */
  async #probeId(): Promise<string | undefined> {
    try {
      return (await this.#file.read())?.probe?.id;
    } catch (error) {
      if (error instanceof AppError) return undefined;
      throw error;
    }
  }

  /** With `stopApps` every process of the app is stopped next. */
  async close(options: { stopApps: boolean }): Promise<void> {
    if (!options.stopApps) return;
    await this.giveUpProbe().catch((error: unknown) =>
      this.#platform.journal.fault(`giving up a probe of ${this.#app.name}`, error),
    );
  }

  /** Resolves when nothing is written any more; for an app that is ending. */
  async settled(): Promise<void> {
    await this.#probing?.catch(() => undefined);
    await this.#file.drained();
  }

  async #probe(record: BisectRecord, version: number): Promise<void> {
    await this.#app.oneOffs.adopted();
    if (record.probe !== undefined && this.#app.oneOffs.has(record.probe.id)) return this.#over(record.probe.id);
    const release = await this.#app.ledger.get(version);
    const loaded = await this.#loadOrSkip(record, release);
    if (loaded === undefined) return;
    const id = randomUUID();
    const probe = { version, tree: release.tree, id };
    const begun = await this.#file.change((now) => (now?.verdicts === record.verdicts ? { ...now, probe } : now));
    // Forgotten meanwhile, or another one begun.
    if (begun?.probe?.id !== id) return;
    const over = this.#over(id);
    try {
      await this.#app.oneOffs.start({
        id,
        release: version,
        command: oneOffCommand(record.command, loaded.procfile),
        cargo: loaded,
        timeLimitMs: record.timeoutMs,
      });
    } catch (error) {
      this.#waiters.delete(id);
      throw error;
    }
    await over;
  }

  /** Code that cannot be built any more is skipped, as with a command that cannot tell. */
  async #loadOrSkip(record: BisectRecord, release: Release): Promise<LoadedRelease | undefined> {
    try {
      return await loadRelease(this.#platform, this.#app, release);
    } catch (error) {
      if (!(error instanceof AppError) || this.#app.isEnding) throw error;
      const { version, tree } = release;
      const verdict = { version, tree, verdict: "skip", reason: "its code cannot be built" } as const;
      await this.#file.change((now) => (now?.verdicts === record.verdicts ? withVerdict(now, verdict) : now));
      return undefined;
    }
  }

  /** Resolves when the probe has ended, with a verdict or without. */
  async #over(id: string): Promise<void> {
    const over = new Promise<void>((resolve) => this.#waiters.set(id, resolve));
    if ((await this.#probeId()) !== id) this.#waiters.get(id)?.();
    await over;
    this.#waiters.delete(id);
  }

  async #untilEnding(work: Promise<void>): Promise<void> {
    const { ending } = this.#app;
    const left = new AbortController();
    const stopped = new Promise<void>((_, reject) => {
      const stop = (): void => reject(goesOnLater());
      if (ending.aborted) stop();
      ending.addEventListener("abort", stop, { signal: left.signal });
    });
    try {
      await Promise.race([work, stopped]);
    } finally {
      left.abort();
    }
  }

  async #candidatesOf(record: BisectRecord): Promise<readonly Candidate[]> {
    if (this.#candidates?.range !== rangeOf(record)) {
      this.#candidates = { range: rangeOf(record), list: await this.#readCandidates(record) };
    }
    return this.#candidates.list;
  }

  async #readCandidates({ good, bad, goodOid, badOid }: BisectRecord): Promise<Candidate[]> {
    const releases = await this.#app.ledger.list({ max: bad - good + 1, before: bad + 1 });
    if (releases[0]?.oid === badOid && releases.at(-1)?.oid === goodOid) return candidatesOf(releases);
    throw new AppError("conflict", "The ledger is not the one that this bisection began with.", {
      hint: "Forget it with `git heroku releases:bisect --reset`, and begin again.",
    });
  }

  async #oldest(): Promise<Release | undefined> {
    const head = await this.#app.ledger.head();
    for (let version = 1; version <= (head?.version ?? 0); version += 1) {
      const release = await this.#app.ledger.get(version);
      if (isCandidate(release)) return release;
    }
    return undefined;
  }
}

type OpenStep = Extract<BisectStep, { kind: "check" | "probe" }>;

export function isOpen(step: BisectStep): step is OpenStep {
  return step.kind === "check" || step.kind === "probe";
}

function rangeOf({ goodOid, badOid }: BisectRecord): string {
  return `${goodOid}..${badOid}`;
}

function underWay(app: App, { good, bad }: BisectRecord): AppError {
  const range = `${formatVersion(good)} to ${formatVersion(bad)}`;
  return new AppError("conflict", `A bisection of ${app.name}, ${range}, is under way already.`, {
    hint: "`git heroku releases:bisect` goes on with it, `git heroku releases:bisect --reset` forgets it.",
  });
}

function nothingToBisect(app: App): AppError {
  return new AppError("invalid_params", `${app.name} has no releases with code yet.`, {
    hint: "Deploy first: git push production main",
  });
}

function goesOnLater(): AppError {
  return new AppError("unavailable", "The platform is stopping; what was found so far is kept.", {
    hint: "`git heroku releases:bisect` goes on with it later.",
  });
}
