/** Runs test files, one after the other, and tells the runner how they went. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { run } from "uvu/run";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CLOSE_MS = 15_000;
const PAUSE_MS = 10;
const names = process.argv.slice(2);
/** Whatever the tests do, the process has these open: they are made when they are first asked for. */
void [process.stdout, process.stderr];
const own = process.getActiveResourcesInfo().filter((kind) => kind.endsWith("Wrap")).length;

let hasFailed = false;
for (const [index, name] of names.entries()) {
  // What has run stays in uvu's queue.
  (globalThis as { UVU_QUEUE?: unknown[] }).UVU_QUEUE = [];
  await run([{ name, file: join(ROOT, name) }]);
  hasFailed ||= process.exitCode !== 0;
  if (index < names.length - 1) await untilClosed(name);
}
if (hasFailed) process.exitCode = 1;
const { results } = await suite();
process.send?.(results, undefined, undefined, () => process.disconnect());

/** Imported late: `run` must set uvu up before anything else loads it. */
function suite(): Promise<typeof import("./suite.ts")> {
  return import("./suite.ts");
}

/** The next file is not charged with what this one leaves open; after the last, the process would not end. */
async function untilClosed(name: string): Promise<void> {
  const deadline = performance.now() + CLOSE_MS;
  for (;;) {
    const open = process.getActiveResourcesInfo();
    if (open.length <= own) return (await suite()).stopWatch();
    if (performance.now() > deadline) {
      console.error(`Still open after ${name}: ${open.join(", ")}`);
      process.exit(1);
    }
    await sleep(PAUSE_MS);
  }
}
