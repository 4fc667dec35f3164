/** Memory over its limit: a warning (R14), and the end at twice as much (R15). */
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { MISSING_PROC, PATIENT, says, stage, target } from "./support.ts";

const MIB = 1024 * 1024;
/** Holds so much memory from the moment at which it says so. */
const holds = (megabytes: number): { procfile: string } => ({
  procfile: `worker: node -e 'const held = Buffer.alloc(${String(megabytes)} << 20, 1); console.log("held"); setInterval(() => held[0], 1e6)'\n`,
});
const QUICK_LOOK = { ...PATIENT, memoryCheckMs: 20, memoryWarningMs: 60_000 };

describe("memory", (test) => {
  test.needing(MISSING_PROC, "over its limit is told (R14), once in a while", async (t) => {
    const limits = new Map([["worker", { memoryBytes: 70 * MIB }]]);
    const { formation, witness } = await stage(t, { settings: { ...QUICK_LOOK, memoryWarningMs: 100, limits } });
    formation.converge(await target("hello", { worker: 1 }, holds(90)), "launch");
    const warnings = (): string[] => witness.lines.filter((line) => line.includes("R14"));
    await witness.until(() => warnings().length === 2);
    const [use = "", error] = witness.lines.filter((line) => /mem=|R14/.test(line));
    assert.match(use, /^worker\.1 v1 Process running mem=[0-9]{2,3}M\(1[0-9]{2}\.[0-9]%\)$/);
    assert.is(error, "worker.1 v1 Error R14 (Memory quota exceeded)");
    assert.is(formation.list()[0]?.state, "up");
  });

  test.needing(MISSING_PROC, "at twice its limit it is killed (R15) and counts as crashed", async (t) => {
    const { formation, witness } = await stage(t, { settings: QUICK_LOOK });
    formation.converge(await target("hello", { worker: 1 }, holds(90)), "launch");
    await formation.settled();
    // A limit for memory counts at once.
    formation.configure({ limits: new Map([["worker", { memoryBytes: 40 * MIB }]]) });
    await witness.sees("State changed from up to crashed");
    // It may have been seen on its way up to twice the limit.
    const [use = "", ...rest] = witness.lines.slice(witness.lines.findIndex((line) => line.includes("R15")) - 1);
    assert.match(use, /^worker\.1 v1 Process running mem=[0-9]{2,3}M\([23][0-9]{2}\.[0-9]%\)$/);
    assert.equal(rest, [
      "worker.1 v1 Error R15 (Memory quota vastly exceeded)",
      "worker.1 v1 Stopping process with SIGKILL",
      "worker.1 v1 (its output ends)",
      "worker.1 v1 Process exited with status 137",
      "worker.1 v1 State changed from up to crashed",
    ]);
  });

  test("limits for files and processes are set before the process begins", async (t) => {
    const limits = new Map([["worker", { openFiles: 77 }]]);
    const { formation, witness } = await stage(t, { settings: { limits } });
    formation.converge(await target("hello", { worker: 1 }, { procfile: "worker: ulimit -n; sleep 600\n" }), "launch");
    await formation.settled();
    const [limited] = witness.processes;
    assert.ok(limited);
    await says(limited, "\n");
    await formation.shutdown({ stopApps: true });
    assert.equal([...witness.outputs.values()], ["77\n"]);
  });
});
