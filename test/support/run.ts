/** Runs every `*.test.js` under dist/test (or those whose path matches an argument) and ends with the line
 *  `N passed, N failed`, after `skipped N: names` where a test could not run on this machine. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "uvu/run";

const root = fileURLToPath(new URL("..", import.meta.url));
const patterns = process.argv.slice(2).map((text) => new RegExp(text, "i"));
const suites = (await readdir(root, { recursive: true }))
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => pattern.test(file)))
  .sort()
  .map((name) => ({ name, file: join(root, name) }));

await run(suites);
// Imported late: `run` must set uvu up before anything else loads it.
const { results } = await import("./suite.ts");
if (results.passed + results.failed === 0) {
  console.error("No test matched.");
  process.exitCode = 1;
}
if (results.skipped.length > 0)
  console.log(`\nskipped ${String(results.skipped.length)}: ${results.skipped.join("; ")}`);
console.log(`\n${String(results.passed)} passed, ${String(results.failed)} failed`);
