import { getPriority } from "node:os";
import * as assert from "uvu/assert";
import { runTool } from "../../src/build/run-tool.ts";
import { ToolOutput } from "../../src/build/tool-output.ts";
import { describe } from "../support/suite.ts";

function tool(...words: string[]): { run: Promise<number | string>; said: () => string } {
  let said = "";
  const output = new ToolOutput((text) => (said += text));
  const signal = new AbortController().signal;
  const env = { PATH: "/usr/bin:/bin" };
  return { run: runTool({ words, cwd: "/", env, signal, output }), said: () => said };
}

describe("run tool", (test) => {
  test("gives the status or the signal, after the last words", async () => {
    const failing = tool("sh", "-c", "printf last words; exit 3");
    assert.is(await failing.run, 3);
    assert.is(failing.said(), "       last\n");
    assert.is(await tool("sh", "-c", "kill -TERM $$").run, "SIGTERM");
  });

  test("does not wait for what a tool leaves in the background", async () => {
    const leaving = tool("sh", "-c", "sleep 1000 & echo left");
    assert.is(await leaving.run, 0);
    assert.is(leaving.said(), "       left\n");
  });

  test("gives way to apps from its first moment on, and what it starts does too", async () => {
    const giving = tool("sh", "-c", "nice; sh -c nice");
    assert.is(await giving.run, 0);
    // The run of tests may have given way itself.
    const niceness = String(Math.min(19, getPriority() + 10));
    assert.is(giving.said(), `       ${niceness}\n       ${niceness}\n`);
  });
});
