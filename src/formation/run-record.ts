/** What the directory of a run says about it (docs/decisions/030-process-shim.md): `spec.json`, written before anything
 *  else and removed before anything else, and the shim's `state/claim`, `state/pid` and `state/exit`. No secret is in it. */
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { chmod, open, readdir, readFile, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { formatJson } from "../core/json.ts";
import type { Bonds } from "./process-tree.ts";
import type { StartSpec } from "./runtime.ts";

export type RunRecord = Omit<StartSpec, "env" | "appDir" | "limits" | "confinement" | "attach"> & {
  /** Somebody had its input and outputs, which ended with the daemon that started it. */
  readonly attached?: boolean;
  /** What holds its processes together; absent where nothing does. */
  readonly bonds?: Bonds;
  /** The boot of the machine in which it ran: after another one it cannot be alive. */
  readonly bootId: string;
  readonly createdAt: number;
};

// Small files that a start makes or waits for are read and written at once: that takes some microseconds, by the thread pool
// ten times that, and many processes may start together.

export function writeRecord(directory: string, record: RunRecord): void {
  const temporary = join(directory, "spec.json.tmp");
  writeFileSync(temporary, formatJson({ ...record }), { mode: 0o600 });
  renameSync(temporary, join(directory, "spec.json"));
}

/** Undefined where a run was only begun, or already half removed. */
export async function readRecord(directory: string): Promise<RunRecord | undefined> {
  const text = await readIfThere(join(directory, "spec.json"));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as RunRecord;
  } catch {
    return undefined;
  }
}

/** Takes the run for the caller: true when no shim has begun it, and none will any more. */
async function claimRun(directory: string): Promise<boolean> {
  try {
    await (await open(join(directory, "state", "claim"), "wx")).close();
    return true;
  } catch (error) {
    // Without the directory for it, no shim was started yet.
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** What it takes to begin, on a very busy machine. */
export const SHIM_PATIENCE_MS = 20_000;

/** A daemon may die between making the directory and starting the shim: then the claim is ours. A shim that has claimed
 *  the run names its process in a moment. */
export async function hasProcess(directory: string, clock: Clock): Promise<boolean> {
  if (await claimRun(directory)) return false;
  const deadline = clock.now() + SHIM_PATIENCE_MS;
  while (readPid(directory) === undefined) {
    if (clock.now() >= deadline) return false;
    await clock.sleep(20);
  }
  return true;
}

export interface PidRecord {
  readonly pid: number;
  readonly startTime: string;
  readonly since: number;
}

export function readPid(directory: string): PidRecord | undefined {
  const { text, since } = readState(directory, "pid");
  const match = /^([1-9][0-9]*) (.+)\n$/.exec(text);
  if (match?.[2] === undefined) return undefined;
  return { pid: Number(match[1]), startTime: match[2].trim().replace(/\s+/g, " "), since };
}

export interface ExitRecord {
  readonly code: number;
  readonly since: number;
}

export function readExit(directory: string): ExitRecord | undefined {
  for (const [name, form] of EXIT_FORMS) {
    const { text, since } = readState(directory, name);
    const match = form.exec(text);
    if (match !== null) return { code: Number(match[1]), since };
  }
  return undefined;
}

/** The shim writes one, bubblewrap the other, in JSON after a line about what it made. */
const EXIT_FORMS = [
  ["exit", /^([0-9]{1,3})\n$/],
  ["sandbox", /^\{ *"exit-code": *([0-9]{1,3}) *\}\n/m],
] as const;

/** The record goes first, so that a removal that is cut short is not taken for a run. */
export async function removeRun(directory: string): Promise<void> {
  await unlink(join(directory, "spec.json")).catch(() => undefined);
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 3 });
  await remove().catch(async () => {
    await openUp(directory);
    await remove();
  });
}

/** An app may have closed its directories to itself, and an overlay keeps one that nobody may enter. */
async function openUp(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await openUp(join(directory, entry.name));
  }
}

/** Empty when it is not there; `since` is when it was written. */
function readState(directory: string, name: string): { text: string; since: number } {
  const file = join(directory, "state", name);
  // Most often it is not there yet, and an error costs more than the look.
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return { text: "", since: 0 };
  return { text: readFileSync(file, "utf8"), since: Math.round(stats.mtimeMs) };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
