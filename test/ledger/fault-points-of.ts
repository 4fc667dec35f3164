/** The points at which the in-process harness kills: each step of each operation (fault-points.ts), with the git
 *  children left to see the end of their input, or killed too. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { TRIES, tryAll, tryOnce, type CrashLab, type Try } from "./crash-lab.ts";

const PRELOAD = fileURLToPath(new URL("fault-points.js", import.meta.url));
const COMMAND = [process.execPath, "--enable-source-maps", "--import", PRELOAD];
const AT_ONCE = 3;

export interface FaultPoint extends Try {
  at: number;
  kill: "one" | "group";
}

/** Every step of every operation, twice. */
export async function findFaultPoints(lab: CrashLab): Promise<FaultPoint[]> {
  const steps = new Map<Try, number>();
  await tryAll(TRIES, AT_ONCE, async (tried) => steps.set(tried, await countSteps(lab, tried)));
  return TRIES.flatMap((tried) =>
    Array.from({ length: steps.get(tried) ?? 0 }, (_, n) => ({ ...tried, at: n + 1 })).flatMap((point) => [
      { ...point, kill: "one" as const },
      { ...point, kill: "group" as const },
    ]),
  );
}

/** Runs the operation undisturbed, which must be as it would be anywhere. */
async function countSteps(lab: CrashLab, tried: Try): Promise<number> {
  const counted = join(lab.fixture.home, `steps-${tried.operation}-${tried.start}`);
  const done = await tryOnce(lab, tried, { command: COMMAND, env: { FAULT_COUNT: counted } }, tried);
  assert.ok(done !== undefined, `${tried.operation} is not acknowledged.`);
  const steps = Number(await readFile(counted, "utf8"));
  assert.ok(steps > 5, `${tried.operation} has ${String(steps)} steps.`);
  return steps;
}

/** Resolves with how many of the changes were not acknowledged. */
export async function tryFaultPoints(lab: CrashLab, points: readonly FaultPoint[]): Promise<number> {
  let cut = 0;
  await tryAll(points, AT_ONCE, async (point) => {
    const env = { FAULT_AT: String(point.at), FAULT_KILL: point.kill };
    const done = await tryOnce(lab, point, { command: COMMAND, env }, point);
    if (done === undefined) cut += 1;
  });
  return cut;
}

/** Some, spread evenly over all. */
export function spread<T>(all: readonly T[], count: number): T[] {
  const step = Math.max(1, all.length / count);
  return Array.from({ length: Math.min(count, all.length) }, (_, n) => all[Math.floor(n * step)] as T);
}
