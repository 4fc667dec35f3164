/** A formation of a real app with a real runtime in a temporary directory, and an eye on all it says. */
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../src/core/clock.ts";
import { parseProcfile } from "../../src/core/procfile.ts";
import type { FormationLine } from "../../src/formation/dyno-host.ts";
import { Formation } from "../../src/formation/formation.ts";
import type { FormationSettings } from "../../src/formation/formation-options.ts";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { processTable } from "../../src/formation/process-table.ts";
import { PortAllocator } from "../../src/formation/ports.ts";
import type { Routes } from "../../src/formation/roster.ts";
import type { Instance } from "../../src/formation/runtime.ts";
import type { WebHealth } from "../../src/formation/web-health.ts";
import type { Target } from "../../src/formation/target.ts";
import { poll } from "../support/poll.ts";
import type { TestContext } from "../support/suite.ts";

export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};

/** The machine's clock, but a sleep of `heldMs` lasts until the test lets it pass. */
export function heldClock(heldMs: number): Clock & { letPass(): void } {
  const held: (() => void)[] = [];
  return {
    now: () => realClock.now(),
    sleep(ms, signal) {
      if (ms !== heldMs) return realClock.sleep(ms, signal);
      return new Promise((resolve) => {
        held.push(resolve);
        signal?.addEventListener("abort", () => resolve());
      });
    },
    letPass() {
      for (const wake of held.splice(0)) wake();
    },
  };
}

export const FIXTURES = fileURLToPath(new URL("../../../fixtures/apps", import.meta.url));
export const PATH = process.env["PATH"] ?? "/usr/bin:/bin";

/** Quick enough for tests; limits that a test is about are set by it, the others no machine reaches. */
export const QUICK: Partial<FormationSettings> = {
  upAfterMs: 60,
  bootTimeoutMs: 200_000,
  exitTimeoutMs: 200_000,
  backoff: { firstMs: 20, maxMs: 100, resetAfterMs: 60_000 },
};

/** A crash is no start, as far as a test can see. */
export const PATIENT: Partial<FormationSettings> = {
  backoff: { firstMs: 60_000, maxMs: 60_000, resetAfterMs: 60_000 },
};

/** Everything that the formation has said, and a way to wait for more. */
export class Witness {
  readonly lines: string[] = [];
  readonly processes: Instance[] = [];
  readonly exits: Instance[] = [];
  readonly routes: Routes[] = [];
  readonly health: WebHealth[] = [];
  readonly faults: unknown[] = [];
  readonly outputs = new Map<string, string>();
  readonly #waiting = new Set<() => void>();

  log(line: FormationLine): void {
    this.lines.push(`${line.ps} v${String(line.release)} ${line.message}`);
    this.#look();
  }

  onProcess(instance: Instance): void {
    this.processes.push(instance);
    this.#look();
  }

  /** Set to make the intake of last words fail. */
  isDeaf = false;

  async onExit(instance: Instance): Promise<void> {
    if (this.isDeaf) throw new Error("the log is closed");
    this.outputs.set(instance.id, await readFile(instance.spool, "utf8"));
    this.exits.push(instance);
    this.lines.push(`${instance.ps} v${String(instance.release)} (its output ends)`);
    this.#look();
  }

  onRoutes(routes: Routes): void {
    this.routes.push(routes);
    this.#look();
  }

  onWebHealth(health: WebHealth): void {
    this.health.push(health);
  }

  onFault(error: unknown): void {
    this.faults.push(error);
    this.#look();
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves as soon as something is said after which the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  saw(text: string): boolean {
    return this.lines.some((line) => line.includes(text));
  }

  sees(text: string): Promise<void> {
    return this.until(() => this.saw(text));
  }

  get endpoints(): readonly { port: number; ps: string }[] {
    return this.routes.at(-1)?.endpoints ?? [];
  }
}

export interface Stage {
  readonly formation: Formation;
  readonly runtime: LocalRuntime;
  readonly witness: Witness;
  readonly appsDirectory: string;
}

export interface StageOptions {
  readonly settings?: Partial<FormationSettings>;
  readonly appsDirectory?: string;
  readonly clock?: Clock;
  readonly ports?: PortAllocator;
  readonly drained?: (endpoint: { port: number }) => Promise<void>;
}

/** Nothing of it is left when the test ends. */
export async function stage(t: TestContext, options: StageOptions = {}): Promise<Stage> {
  const appsDirectory = options.appsDirectory ?? (await t.tempDir());
  const runtime = await LocalRuntime.open({ appsDirectory, clock: realClock, sweepMs: 200 });
  const witness = new Witness();
  const formation = new Formation({
    app: "foobaz",
    runtime,
    ports: options.ports ?? new PortAllocator({ clock: realClock, random: () => Math.random() }),
    clock: options.clock ?? realClock,
    random: () => 0.5,
    restFile: join(appsDirectory, "foobaz", "resting.json"),
    settings: { ...QUICK, ...options.settings },
    callbacks: {
      log: (line) => witness.log(line),
      onProcess: (instance) => witness.onProcess(instance),
      onExit: (instance) => witness.onExit(instance),
      onRoutes: (routes) => witness.onRoutes(routes),
      onWebHealth: (health) => witness.onWebHealth(health),
      drained: options.drained ?? (() => Promise.resolve()),
      onFault: (error) => witness.onFault(error),
    },
  });
  t.after(async () => {
    await formation.shutdown({ stopApps: false });
    await runtime.close({ detach: false });
    if (witness.faults.length > 0) throw witness.faults[0];
  });
  return { formation, runtime, witness, appsDirectory };
}

export interface TargetOptions {
  readonly release?: number;
  readonly procfile?: string;
  readonly env?: Record<string, string>;
}

export async function target(
  app: string,
  quantities: Record<string, number>,
  options: TargetOptions = {},
): Promise<Target> {
  const release = options.release ?? 1;
  const appDir = join(FIXTURES, app);
  const procfile = parseProcfile(options.procfile ?? (await readFile(join(appDir, "Procfile"), "utf8")));
  const env = { PATH, HEROKU_RELEASE_VERSION: `v${String(release)}`, ...options.env };
  return { release, appDir, procfile, quantities, asleep: new Set(), env };
}

/** A fixture under a directory of the test's own, for tests that change it. */
export async function copyOfFixture(t: TestContext, app: string): Promise<string> {
  const directory = join(await t.tempDir(), app);
  await cp(join(FIXTURES, app), directory, { recursive: true });
  return directory;
}

/** The living processes whose HOME is below the directory, by pid: what a test must not leave behind. */
export async function processesUnder(directory: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^[1-9]/.test(name));
  const under = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      return environment.split("\0").some((entry) => entry.startsWith(`HOME=${directory}`));
    }),
  );
  return pids
    .filter((_, index) => under[index])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Resolves when no process has the pid any more, or a dead one. */
export async function gone(pid: number): Promise<void> {
  await poll(async () => ((await processTable.startTime(pid)) === undefined ? true : undefined));
}

/** Resolves when the process has written the text. */
export async function says({ spool }: Instance, text: string): Promise<void> {
  await poll(async () => ((await readFile(spool, "utf8")).includes(text) ? true : undefined));
}

/** The machine can tell which process has which environment. */
export const MISSING_PROC = process.platform === "linux" ? undefined : "Linux";

/** Asks for the page through the routes, again and again, as a router would, and knows what is under way. */
export class Visitor {
  /** The releases that have answered. */
  readonly releases = new Set<string>();
  readonly #failures: string[] = [];
  #underWay: { port: number; over: Promise<void> } | undefined;
  #visits: Promise<void> = Promise.resolve();
  #isLeaving = false;
  #tellAnswer = (): void => undefined;

  /** Resolves when the process that is off the routes has answered this visitor. */
  async drained({ port }: { port: number }): Promise<void> {
    if (this.#underWay?.port === port) await this.#underWay.over;
  }

  come(witness: Witness): void {
    this.#visits = this.#visit(witness);
  }

  /** Resolves when the release has answered. */
  async sees(release: string): Promise<void> {
    while (!this.releases.has(release)) await new Promise<void>((resolve) => (this.#tellAnswer = resolve));
  }

  /** Resolves to what went wrong. */
  async leave(): Promise<string[]> {
    this.#isLeaving = true;
    await this.#visits;
    return this.#failures;
  }

  async #visit(witness: Witness): Promise<void> {
    while (!this.#isLeaving) {
      const [endpoint] = witness.endpoints;
      if (endpoint === undefined) return void this.#failures.push("no endpoint");
      this.#underWay = { port: endpoint.port, over: this.#ask(endpoint.port) };
      await this.#underWay.over;
      this.#tellAnswer();
    }
  }

  async #ask(port: number): Promise<void> {
    try {
      const response = await fetch(`http://127.0.0.1:${String(port)}/`, { headers: { connection: "close" } });
      this.releases.add(/v[0-9]+/.exec(await response.text())?.[0] ?? "");
    } catch (error) {
      this.#failures.push(String(error));
    }
  }
}

export const shown = (list: readonly { name: string; release: number; state: string; serving: boolean }[]): string[] =>
  list.map(({ name, release, state, serving }) => `${name} v${String(release)} ${state}${serving ? " serving" : ""}`);
