/** The builds of one app, one record for each attempt, also for those that failed: `builds/ID.json`, and beside it what was
 *  printed. They tell what happened and decide nothing, so they are written without waiting for the disk, and of a build that
 *  finds its slug, which takes no time in which it could be lost, when the push has its answer. */
import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../core/error.ts";
import { formatJson } from "../core/json.ts";
import type { Actor } from "./actor.ts";
import { KeptOutput, readKeptOutput } from "./kept-output.ts";

export interface BuildRecord {
  readonly id: string;
  /** Empty as long as an archive has not become one. */
  readonly commit: string;
  /** Of what was uploaded; none of a push. */
  readonly source: BuildSource | null;
  /** An address. */
  readonly by: string;
  readonly status: "pending" | "succeeded" | "failed";
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Not known while it runs, and of one whose daemon died. */
  readonly endedAt: number | null;
  /** Why it failed. */
  readonly reason: string | null;
  /** `Node.js` or `Procfile`. */
  readonly detected: string | null;
  readonly slug: string | null;
  /** The version that came of it, whatever became of that. */
  readonly release: number | null;
}

/** What its maker says of it. */
export type BuildSource = {
  readonly version: string | null;
  readonly description: string | null;
  /** `SHA256:hex` */
  readonly checksum: string | null;
};

/** Records that are kept. */
const KEPT_MAX = 100;
const NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?:json|txt|json\.tmp)$/;
const LOST = "the platform stopped while it ran";

export class Builds {
  readonly #dir: string;
  readonly #onChange: (record: BuildRecord) => void;
  readonly #running = new Map<string, Build>();
  /** Ids of the records, oldest first; read once, for a push waits for nothing that grows. */
  #order: Promise<string[]> | undefined;

  /** @param onChange called when one begins and when it ends */
  constructor(dir: string, onChange: (record: BuildRecord) => void = () => undefined) {
    this.#dir = dir;
    this.#onChange = onChange;
  }

  /** @param now milliseconds since the epoch */
  begin(commit: string, actor: Actor, now: number, source: BuildSource | null = null): Build {
    const nothing = { endedAt: null, reason: null, detected: null, slug: null, release: null };
    const id = randomUUID();
    const record: BuildRecord = {
      id,
      commit,
      by: actor.by.email,
      status: "pending",
      startedAt: now,
      source,
      ...nothing,
    };
    const onSettled = (): void => void this.#running.delete(id);
    const build = new Build(this.#dir, record, { onEnd: this.#onChange, onSettled });
    this.#running.set(id, build);
    this.#onChange(record);
    void this.#forgetOld(id);
    return build;
  }

  /** Newest first. */
  async list(): Promise<BuildRecord[]> {
    const ids = await this.#ids();
    const records = await Promise.all(ids.map((id) => this.#read(id)));
    return records.filter((one) => one !== undefined).sort((a, b) => b.startedAt - a.startedAt);
  }

  /** @param idStart the beginning of an id; `newest`, or `running`
   *  @throws AppError not_found when no build, or more than one, is meant. */
  async find(idStart: string): Promise<BuildRecord> {
    const all = await this.list();
    const isWord = idStart === "newest" || idStart === "running";
    const found = all.filter(({ id, status }) => {
      if (isWord) return idStart === "newest" || status === "pending";
      return id.startsWith(idStart.toLowerCase());
    });
    const [first, second] = found;
    if (first !== undefined && (isWord || second === undefined)) return first;
    const what = isWord ? `No build is ${idStart}.` : `There is no build ${JSON.stringify(idStart.slice(0, 40))}.`;
    throw new AppError("not_found", first === undefined ? what : `Several builds begin with ${idStart}.`, {
      hint: "`git heroku builds` lists them.",
    });
  }

  /** Undefined when it is no longer kept. */
  async follow(id: string, signal: AbortSignal): Promise<AsyncIterable<string> | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) return running.output.follow(signal);
    const text = await readKeptOutput(join(this.#dir, `${id}.txt`));
    return text === undefined ? undefined : once(text);
  }

  /** @throws AppError conflict when it does not run. */
  cancel({ id }: BuildRecord, actor: Actor): void {
    const running = this.#running.get(id);
    if (running?.record.status !== "pending")
      throw new AppError("conflict", `The build ${id.slice(0, 8)} does not run any more.`);
    running.cancel(`cancelled by ${actor.by.email}`);
  }

  /** Puts on disk what is to be there. */
  settle(): void {
    for (const build of this.#running.values()) build.settle();
  }

  async #read(id: string): Promise<BuildRecord | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) return running.record;
    try {
      const stored = JSON.parse(await readFile(join(this.#dir, `${id}.json`), "utf8")) as BuildRecord;
      // Records of an earlier version do not have all.
      const record = { ...stored, source: stored.source ?? null };
      return record.status === "pending" ? { ...record, status: "failed", reason: LOST } : record;
    } catch {
      // A power cut may have left half of it.
      return undefined;
    }
  }

  async #ids(): Promise<string[]> {
    const names = await readdir(this.#dir).catch(() => []);
    return [...new Set([...this.#running.keys(), ...names.flatMap((name) => NAME.exec(name)?.[1] ?? [])])];
  }

  async #forgetOld(begun: string): Promise<void> {
    this.#order ??= this.#sweep();
    const order = await this.#order;
    if (!order.includes(begun)) order.push(begun);
    for (const id of order.splice(0, Math.max(0, order.length - KEPT_MAX))) {
      for (const ending of ["json", "txt", "json.tmp"]) await rm(join(this.#dir, `${id}.${ending}`), { force: true });
    }
  }

  /** Removes what has no record, and gives the ids of those that have. */
  async #sweep(): Promise<string[]> {
    const order = (await this.list()).map(({ id }) => id).toReversed();
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const id = NAME.exec(name)?.[1] ?? "";
      if (id !== "" && !order.includes(id) && !this.#running.has(id)) await rm(join(this.#dir, name), { force: true });
    }
    return order;
  }
}

/** How long the record of a build that has ended waits for the release that comes of it. */
const SETTLE_MS = 50;

interface BuildEvents {
  onEnd: (record: BuildRecord) => void;
  /** Its record is on disk. */
  onSettled: () => void;
}

/** One that is under way, or was until now. */
export class Build {
  readonly output: KeptOutput;
  readonly #path: string;
  readonly #cancelling = new AbortController();
  readonly #told: BuildEvents;
  #settling: NodeJS.Timeout | undefined;
  #record: BuildRecord;
  #cancelled: string | undefined;

  constructor(dir: string, record: BuildRecord, told: BuildEvents) {
    this.#record = record;
    this.#path = join(dir, `${record.id}.json`);
    this.#told = told;
    this.output = new KeptOutput(join(dir, `${record.id}.txt`), { isLazy: true });
  }

  /** Something is really built from here on: what a daemon that is killed now leaves must say so. */
  begun(): void {
    this.output.open();
    this.#store();
  }

  get record(): BuildRecord {
    return this.#record;
  }

  /** Aborts when somebody cancels it. */
  get signal(): AbortSignal {
    return this.#cancelling.signal;
  }

  /** Why it was cancelled. */
  get cancelled(): string | undefined {
    return this.#cancelled;
  }

  /** The archive has become this commit. */
  of(commit: string): void {
    this.#record = { ...this.#record, commit };
    this.#store();
  }

  cancel(reason: string): void {
    this.#cancelled = reason;
    this.#cancelling.abort();
  }

  succeeded(now: number, { id, detected }: { id: string; detected: string }): void {
    this.#end({ status: "succeeded", endedAt: now, slug: id, detected });
  }

  failed(now: number, reason: string): void {
    this.#end({ status: "failed", endedAt: now, reason: this.#cancelled ?? reason });
  }

  /** What came of it, after its end. */
  released(version: number): void {
    this.#record = { ...this.#record, release: version };
    this.#settleSoon();
  }

  #end(facts: Partial<BuildRecord>): void {
    this.#record = { ...this.#record, ...facts };
    this.output.end();
    this.#settleSoon();
    this.#told.onEnd(this.#record);
  }

  /** Whoever asks meanwhile is told by the build itself. */
  #settleSoon(): void {
    this.#settling ??= setTimeout(() => this.settle(), SETTLE_MS);
  }

  settle(): void {
    if (this.#settling === undefined) return;
    clearTimeout(this.#settling);
    this.#settling = undefined;
    this.output.store();
    this.#store();
    this.#told.onSettled();
  }

  /** What cannot be written, as on a full disk, is not told later; the build goes on. */
  #store(): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#path}.tmp`, formatJson({ ...this.#record }), { mode: 0o600 });
      renameSync(`${this.#path}.tmp`, this.#path);
    } catch {
      // As said above.
    }
  }
}

async function* once(text: string): AsyncGenerator<string, void, undefined> {
  yield text;
}
