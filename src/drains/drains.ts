/** The drains of one app. Each goes its own way: one whose receiver hangs, refuses or is slow holds up no other, and not the
 *  log. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { parseDrainUrl, type DrainTarget } from "../core/drain.ts";
import { maskUrl } from "../core/http-target.ts";
import type { RetryRules } from "../core/drain-retry.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import type { SendLimits } from "../outbound/time-limit.ts";
import type { Channel } from "./channel.ts";
import { Drain, type DrainStart } from "./drain.ts";
import { DrainFile } from "./drain-file.ts";
import type { DrainStatus, TellDrain } from "./drain-health.ts";
import { HttpChannel } from "./http-channel.ts";
import type { LogFeed } from "./log-feed.ts";
import { SyslogChannel } from "./syslog-channel.ts";
import type { Trust } from "../outbound/trust.ts";

export type DrainRules = SendLimits & RetryRules;

export interface DrainSpec {
  /** A UUID. */
  id: string;
  token: string;
  /** RFC 3339. */
  createdAt: string;
  /** As it was added: with its secrets. Undefined when no key opens it; then the drain keeps its place and waits. */
  url: string | undefined;
}

type OpenSpec = DrainSpec & { url: string };

export interface DrainsOptions {
  /** For a file of each drain; made when one is needed. */
  dir: string;
  feed: LogFeed;
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  trust: Trust;
  userAgent: string;
  tell: TellDrain;
  onFault: (error: unknown) => void;
}

/** An app that ends has this long to send its last lines. */
const PATIENCE_MS = 1_000;

export class Drains {
  readonly #options: DrainsOptions;
  readonly #drains = new Map<string, Drain>();
  readonly #changes = new SerialQueue();
  #rules: DrainRules;
  #isClosed = false;

  constructor(options: DrainsOptions, rules: DrainRules) {
    this.#options = options;
    this.#rules = rules;
  }

  /** In force from the next try on. */
  configure(rules: DrainRules): void {
    this.#rules = rules;
  }

  /** Notes that a drain begins here and now, before anybody knows of it.
   *  @throws node's error when that cannot be written */
  async prepare(spec: OpenSpec): Promise<void> {
    const place = await this.#options.feed.end();
    await this.#changes.run(async () => {
      await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
      this.#drains.set(spec.id, this.#make(spec, { place }));
    });
  }

  /** These are the drains from now on; what others have on disk is removed. */
  use(specs: readonly DrainSpec[]): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#isClosed) return;
      const wanted = new Set(specs.map(({ id }) => id));
      for (const [id, drain] of this.#drains) if (!wanted.has(id)) await this.#remove(id, drain);
      if (specs.length > 0) await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
      await this.#removeStrays(wanted);
      for (const { url, ...spec } of specs) {
        if (url === undefined) continue;
        const drain = this.#drains.get(spec.id) ?? (await this.#makeLate({ ...spec, url }));
        this.#drains.set(spec.id, drain);
        drain.start();
      }
    });
  }

  status(id: string): DrainStatus | undefined {
    return this.#drains.get(id)?.status;
  }

  /** The log is about to lose a segment; resolves when what the drains will miss is counted.
   *  @param next the oldest segment that stays */
  async beforeRemoval(segment: string, next: string): Promise<void> {
    const place = { segment: next, offset: 0 };
    await Promise.all([...this.#drains.values()].map((drain) => drain.beforeRemoval(segment, place)));
  }

  /** The log has ended: what is left of it is sent by drains that are well, if that takes no time. */
  async close(): Promise<void> {
    await this.#changes.run(async () => {
      this.#isClosed = true;
      const over = new AbortController();
      const patience = this.#options.clock.sleep(PATIENCE_MS, over.signal);
      await Promise.all([...this.#drains.values()].map((drain) => drain.close(patience)));
      over.abort();
    });
  }

  async #remove(id: string, drain: Drain): Promise<void> {
    this.#drains.delete(id);
    await drain.remove();
  }

  async #removeStrays(wanted: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#options.dir).catch(() => [])) {
      if (!wanted.has(name.replace(/\.ndjson$/, ""))) await rm(join(this.#options.dir, name), { force: true });
    }
  }

  /** A drain that came with a restored app, or whose file was lost: everything since it was added. */
  async #makeLate(spec: OpenSpec): Promise<Drain> {
    const place = await this.#options.feed.since(Date.parse(spec.createdAt) * 1000);
    return this.#make(spec, { place, notBefore: spec.createdAt });
  }

  #make(spec: OpenSpec, start: DrainStart): Drain {
    const { dir, clock } = this.#options;
    const target = parseDrainUrl(spec.url);
    const file = DrainFile.open(join(dir, `${spec.id}.ndjson`), clock);
    const parts = {
      ...this.#options,
      dialect: { kind: target.kind, token: spec.token },
      name: maskUrl(spec.url),
      openChannel: (onBroken: () => void) => this.#open(spec, target, onBroken),
      file,
      rules: () => this.#rules,
    };
    return new Drain(parts, start);
  }

  #open({ token }: OpenSpec, target: DrainTarget, onBroken: () => void): Channel {
    const common = { ...this.#options, token, limits: () => this.#rules, onBroken };
    return target.kind === "http" ? new HttpChannel({ ...common, target }) : new SyslogChannel({ ...common, target });
  }
}
