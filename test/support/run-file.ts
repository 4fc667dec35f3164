/** Runs one test file and tells the runner how it went. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "uvu/run";

const name = process.argv[2] ?? "";
await run([{ name, file: join(fileURLToPath(new URL("..", import.meta.url)), name) }]);
// Imported late: `run` must set uvu up before anything else loads it.
const { results } = await import("./suite.ts");
process.send?.(results, undefined, undefined, () => process.disconnect());
