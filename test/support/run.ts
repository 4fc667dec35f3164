/** Runs every `*.test.js` under dist/test, with `--long` as the first argument every `*.long.js` and what has a `test.long`, or
 *  those whose path matches an argument. Each file is a process of its own, or a few of a room share one; two more at a time
 *  than there are processors, since tests also wait. What failed runs once more when all others have ended: what fails then is
 *  failed, and what passes alone is told in a line `flaky N: files`. Ends with the line `N passed, N failed`, after `skipped N: names`
 *  where a test could not run on this machine; what failed is shown once more before: of a long run one often sees the end alone. */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LONG_VARIABLE, type Results } from "./suite.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RUN_FILE = fileURLToPath(new URL("run-file.js", import.meta.url));
/** When more failed it is the product that is broken; running them again would only take long. */
const AGAIN_MAX = 5;
/** More at a time would only make tests wait for each other. */
const PROCESSES_MAX = 6;
/** What takes longest begins first: whole sessions, then what runs many processes. */
const ORDER = ["story", "server", "platform", "cli", "build", "hook", "logs", "formation", "router"];
/** How many files of a room share a process: those that do all their work in it, and spend more on loading the platform's code
 *  and on running it cold than on their tests (docs/decisions/158-processes-for-several-files.md). */
const FILES_PER_PROCESS: Readonly<Record<string, number>> = { core: 30, server: 6, platform: 6 };

const isLong = process.argv[2] === "--long";

async function findFiles(): Promise<string[]> {
  const patterns = process.argv.slice(isLong ? 3 : 2).map((text) => new RegExp(text, "i"));
  const files = (await readdir(ROOT, { recursive: true }))
    .filter((file) => file.endsWith(".test.js") || (isLong && file.endsWith(".long.js")))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => pattern.test(file)))
    .filter((file) => !isLong || file.endsWith(".long.js") || hasLong(file));
  const sized = await Promise.all(files.map(async (file) => ({ file, size: (await stat(join(ROOT, file))).size })));
  return sized.sort((a, b) => rank(a.file) - rank(b.file) || b.size - a.size).map(({ file }) => file);
}

/** Long tests have a process for each file. */
function shareProcesses(files: readonly string[]): string[][] {
  const groups: string[][] = [];
  const open = new Map<string, string[]>();
  for (const file of files) {
    const room = roomOf(file);
    const group = open.get(room);
    if (group !== undefined && group.length < (FILES_PER_PROCESS[room] ?? 1) && !isLong) group.push(file);
    else {
      const fresh = [file];
      groups.push(fresh);
      open.set(room, fresh);
    }
  }
  return groups;
}

function roomOf(file: string): string {
  return file.split("/")[0] ?? "";
}

function hasLong(file: string): boolean {
  return readFileSync(join(ROOT, file), "utf8").includes("test.long(");
}

/** Rooms that are not in the order come last. */
function rank(file: string): number {
  const index = ORDER.indexOf(roomOf(file));
  return index < 0 ? ORDER.length : index;
}

/** Of one process. */
interface Outcome {
  readonly files: readonly string[];
  /** Undefined when it ended without telling any. */
  readonly results: Results | undefined;
  readonly passed: boolean;
  readonly output: string;
}

/** Their output is shown in one piece when they end. */
async function runFiles(files: readonly string[]): Promise<Outcome> {
  const env = isLong ? { ...process.env, [LONG_VARIABLE]: "1" } : process.env;
  const child = fork(RUN_FILE, files, { silent: true, execArgv: ["--enable-source-maps"], env });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  let results: Results | undefined;
  child.on("message", (message) => (results = message as Results));
  const status = await new Promise<number | null>((resolve) => {
    child.once("close", resolve);
    // Of one that the machine could not start nothing else is heard.
    child.once("error", (error) => {
      output += String(error);
      resolve(null);
    });
  });
  process.stdout.write(output);
  return { files, results, passed: status === 0 && results !== undefined, output };
}

/** What uvu says of each file between its row of dots and its totals; the last lines when they ended without. */
function tellFailures(output: string): string {
  let isFailure = false;
  const told = output.split("\n").filter((line) => {
    if (/^.{0,12}\bFAIL\b/.test(line)) isFailure = true;
    else if (line.startsWith("  Total:")) isFailure = false;
    return isFailure;
  });
  return (told.length > 0 ? told : output.split("\n").slice(-20)).join("\n");
}

const groups = shareProcesses(await findFiles());
const outcomes: Outcome[] = [];
const workers = Array.from({ length: Math.min(PROCESSES_MAX, availableParallelism() + 2) }, async () => {
  for (let group = groups.shift(); group !== undefined; group = groups.shift()) outcomes.push(await runFiles(group));
});
await Promise.all(workers);

const failures = outcomes.filter(({ passed }) => !passed);
const flaky: string[] = [];
for (const failure of failures) {
  const name = failure.files.join(" ");
  console.log(`\nFailed: ${name}\n${tellFailures(failure.output).trimEnd()}`);
  if (isLong || failures.length > AGAIN_MAX) continue;
  console.log("Once more, with nothing beside it:");
  const again = await runFiles(failure.files);
  outcomes.splice(outcomes.indexOf(failure), 1, again);
  if (again.passed) flaky.push(name);
}

const sum = (count: (results: Results) => number): number =>
  outcomes.reduce((total, { results }) => total + (results === undefined ? 0 : count(results)), 0);
const broken = outcomes.filter(({ passed, results }) => !passed && (results?.failed ?? 0) === 0);
const passed = sum((results) => results.passed);
const failed = sum((results) => results.failed) + broken.length;
const skipped = outcomes.flatMap(({ results }) => results?.skipped ?? []);
for (const { files } of broken) console.error(`${files.join(" ")} did not end well.`);
if (passed + failed === 0) console.error("No test matched.");
if (passed === 0 || failed > 0) process.exitCode = 1;
if (flaky.length > 0)
  console.log(`\nflaky ${String(flaky.length)}: ${flaky.join("; ")} (failed among others, passed alone)`);
if (skipped.length > 0) console.log(`\nskipped ${String(skipped.length)}: ${skipped.join("; ")}`);
console.log(`\n${String(passed)} passed, ${String(failed)} failed`);
