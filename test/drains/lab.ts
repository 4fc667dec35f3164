/** A log with drains, without a platform around it. */
import { join } from "node:path";
import { Drains, type DrainRules, type DrainSpec } from "../../src/drains/drains.ts";
import { Trust } from "../../src/outbound/trust.ts";
import { LogStore, type RetentionPolicy } from "../../src/logs/log-store.ts";
import { feedOf } from "../../src/platform/log-feed.ts";
import { realClock } from "../logs/real-clock.ts";
import type { TestContext } from "../support/suite.ts";

export interface DrainLab {
  dir: string;
  store: LogStore;
  drains: Drains;
  /** What the drains have said. */
  told: string[];
  faults: unknown[];
  spec(id: number, url: string): DrainSpec;
  untilTold(text: string): Promise<void>;
  /** Adds drains, which get what is appended from now on. */
  add(...specs: DrainSpec[]): Promise<void>;
  log(...messages: string[]): void;
  close(): Promise<void>;
}

export interface DrainLabOptions {
  dir?: string;
  rules?: Partial<DrainRules>;
  segmentBytes?: number;
  retention?: RetentionPolicy;
}

export const QUICK: DrainRules = { connectMs: 60_000, requestMs: 60_000, maxMs: 20 };

export async function openDrainLab(t: TestContext, options: DrainLabOptions = {}): Promise<DrainLab> {
  const lab = await createDrainLab({ ...options, dir: options.dir ?? (await t.tempDir()) });
  t.after(async () => {
    await lab.close();
    if (lab.faults.length > 0) throw new Error("faults", { cause: lab.faults });
  });
  return lab;
}

/** Whoever makes it closes it. */
export async function createDrainLab(options: DrainLabOptions & { dir: string }): Promise<DrainLab> {
  const { dir } = options;
  const told: string[] = [];
  const waiting = new Set<() => void>();
  const faults: unknown[] = [];
  const store: LogStore = await LogStore.open({
    dir: join(dir, "logs"),
    clock: realClock,
    segmentBytes: options.segmentBytes ?? 1_000_000,
    beforeRemoval: (segment, next) => drains.beforeRemoval(segment, next),
    onFault: (error) => faults.push(error),
  });
  const drains: Drains = new Drains(
    {
      dir: join(dir, "drains"),
      feed: feedOf(store),
      clock: realClock,
      random: Math.random,
      trust: new Trust(join(dir, "ca.pem"), undefined),
      userAgent: "Logplex/test",
      tell: (level, msg) => {
        told.push(msg);
        for (const look of waiting) look();
        store.append({ ps: "logplex", source: "heroku", level, msg });
      },
      onFault: (error) => faults.push(error),
    },
    { ...QUICK, ...options.rules },
  );
  if (options.retention !== undefined) store.retain(options.retention);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= store.close().then(() => drains.close()));
  const specs: DrainSpec[] = [];
  return {
    dir,
    store,
    drains,
    told,
    faults,
    close,
    spec: (id, url) => {
      const uuid = `00000000-0000-4000-8000-${String(id).padStart(12, "0")}`;
      return { id: uuid, token: `d.${uuid}`, createdAt: "2026-11-23T08:35:19Z", url };
    },
    async add(...more) {
      for (const spec of more) await drains.prepare({ ...spec, url: spec.url ?? "" });
      specs.push(...more);
      await drains.use(specs);
    },
    untilTold: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!told.some((message) => message.includes(text))) return void waiting.add(look);
          waiting.delete(look);
          resolve();
        };
        look();
      }),
    log: (...messages) => {
      for (const msg of messages) store.append({ ps: "web.1", source: "app", msg });
    },
  };
}
