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
}

const TEST_TIMEOUT_MS = 20_000;
const LEAK_GRACE_MS = 3_000;

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
  define(Object.assign(register, { needing }));
  inner.run();
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
  const cleanups: (() => unknown)[] = [];
  const ended = new AbortController();
  const context: TestContext = {
    after: (cleanup) => void cleanups.push(cleanup),
    async tempDir() {
      const dir = await mkdtemp(join(tmpdir(), "ght-"));
      cleanups.push(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
      return dir;
    },
  };
  const faults: unknown[] = [];
  const keep = (error: unknown): void => void faults.push(error);
  await Promise.race([body(context), failAfter(timeoutMs, ended.signal)]).catch(keep);
  ended.abort();
  // Whatever fails, the rest is cleaned up all the same.
  for (const cleanup of cleanups.toReversed()) await Promise.resolve().then(cleanup).catch(keep);
  for (const fault of faults.slice(1)) console.error("In cleaning up:", fault);
  if (faults.length > 0) throw faults[0];
}

async function failAfter(timeoutMs: number, signal: AbortSignal): Promise<void> {
  await sleep(timeoutMs, undefined, { signal }).catch(() => undefined);
  if (!signal.aborted) throw new Error(`Test ran longer than ${String(timeoutMs)} ms.`);
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
