/** uvu, made strict: no hooks, no `.only`, a time limit for each test, a failed run when anything stays open or a
 *  registered test never finished, and tests that cannot run on this machine are named at the end, never hidden. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { suite as uvuSuite } from "uvu";

export interface TestContext {
  /** Runs when the test ends, passed or not; last registered, first run. A failing cleanup fails the test. */
  after(cleanup: () => unknown): void;
  /** A new empty directory that goes with the test. */
  tempDir(): Promise<string>;
}
export type TestBody = (t: TestContext) => unknown;

export interface RegisterTest {
  (name: string, body: TestBody): void;
  /** Registers the test where `missing` is undefined; otherwise lists it as skipped, with the reason. */
  needing(missing: string | undefined, name: string, body: TestBody): void;
  /** A test that is run by `npm run test:long` alone. */
  long: (name: string, body: TestBody) => void;
  /** Something dear that the tests of the suite have in common: made when the first asks for it, cleaned up after the
   *  last, and a failing cleanup fails the file. Each test leaves it as another one may find it. */
  shared<T>(make: (t: TestContext) => Promise<T>): () => Promise<T>;
}

/** Ends what would hang; no test takes a tenth of it. A loaded machine may be ten times slower than a quiet one. */
const TEST_TIMEOUT_MS = 240_000;
const LEAK_GRACE_MS = 60_000;
/** Set where long forms are run. */
export const LONG_VARIABLE = "GIT_HEROKU_TEST_LONG";

export interface Results {
  passed: number;
  failed: number;
  /** Names, each with what it needs. */
  skipped: string[];
}

export const results: Results = { passed: 0, failed: 0, skipped: [] };
const unfinished = new Set<string>();
const known = new Set<string>();
let leakTimer: NodeJS.Timeout | undefined;

export function describe(name: string, define: (test: RegisterTest) => void, timeoutMs = TEST_TIMEOUT_MS): void {
  const inner = uvuSuite(name);
  const register = (testName: string, body: TestBody): void => {
    const key = `${name} › ${testName}`;
    if (known.has(key)) throw new Error(`Two tests are called "${key}".`);
    known.add(key);
    unfinished.add(key);
    inner(testName, () => runCounted(key, timeoutMs, body));
  };
  const needing = (missing: string | undefined, testName: string, body: TestBody): void => {
    if (missing === undefined) register(testName, body);
    else results.skipped.push(`${name} › ${testName} (needs ${missing})`);
  };
  const long = (testName: string, body: TestBody): void => {
    if (process.env[LONG_VARIABLE] !== undefined) register(testName, body);
  };
  const scopes: TestScope[] = [];
  const shared = <T>(make: (t: TestContext) => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => {
      if (made !== undefined) return made;
      const scope = new TestScope();
      scopes.push(scope);
      return (made = make(scope));
    };
  };
  inner.after(async () => {
    clearTimeout(leakTimer);
    const faults: unknown[] = [];
    for (const scope of scopes.toReversed()) faults.push(...(await scope.end()));
    tell(faults);
    leakTimer = setTimeout(failOnLeak, LEAK_GRACE_MS, name).unref();
  });
  define(Object.assign(register, { needing, long, shared }));
  inner.run();
}

class TestScope implements TestContext {
  readonly #cleanups: (() => unknown)[] = [];

  after(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async tempDir(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), "ght-"));
    this.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
    return dir;
  }

  /** Whatever fails, the rest is cleaned up all the same; gives what failed. */
  async end(): Promise<unknown[]> {
    const faults: unknown[] = [];
    for (const cleanup of this.#cleanups.toReversed()) {
      await Promise.resolve()
        .then(cleanup)
        .catch((error: unknown) => faults.push(error));
    }
    return faults;
  }
}

async function runCounted(key: string, timeoutMs: number, body: TestBody): Promise<void> {
  clearTimeout(leakTimer);
  try {
    await runWithin(timeoutMs, body);
    results.passed += 1;
  } catch (error) {
    results.failed += 1;
    throw error;
  } finally {
    unfinished.delete(key);
    leakTimer = setTimeout(failOnLeak, LEAK_GRACE_MS, key).unref();
  }
}

async function runWithin(timeoutMs: number, body: TestBody): Promise<void> {
  const scope = new TestScope();
  const ended = new AbortController();
  const faults: unknown[] = [];
  await Promise.race([body(scope), failAfter(timeoutMs, ended.signal)]).catch((error: unknown) => faults.push(error));
  ended.abort();
  faults.push(...(await scope.end()));
  tell(faults);
}

/** @throws the first of the faults; the others are shown. */
function tell(faults: readonly unknown[]): void {
  for (const fault of faults.slice(1)) console.error("In cleaning up:", fault);
  if (faults.length > 0) throw faults[0];
}

async function failAfter(timeoutMs: number, signal: AbortSignal): Promise<void> {
  await sleep(timeoutMs, undefined, { signal }).catch(() => undefined);
  if (!signal.aborted) throw new Error(`Test ran longer than ${String(timeoutMs)} ms.`);
}

/** Nothing is open any more, and the process goes on with another file. */
export function stopWatch(): void {
  clearTimeout(leakTimer);
}

/** The timer is unref'd: it fires only when something else keeps the process alive. */
function failOnLeak(lastTest: string): void {
  console.error(`Still open after "${lastTest}": ${process.getActiveResourcesInfo().join(", ")}`);
  process.exit(1);
}

process.on("exit", () => {
  if (unfinished.size === 0) return;
  console.error(`These tests never finished:\n  ${[...unfinished].join("\n  ")}`);
  process.exitCode = 1;
});
