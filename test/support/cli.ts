/** The command line run within the test: same code as the program, with a machine made of plain values. */
import type { World } from "../../src/cli/command.ts";
import { runCli } from "../../src/cli/run-cli.ts";

/** 2011-06-19T08:36:19Z: one minute after the fake platform's releases. */
export const NOW = Date.UTC(2011, 5, 19, 8, 36, 19);

export interface CliRun {
  status: number;
  stdout: string;
  stderr: string;
}

export interface CliMachine {
  env: Record<string, string>;
  cwd: string;
  /** Whether the streams are terminals. */
  isTTY?: boolean;
  /** What is typed. */
  typed?: string;
  daemonScript?: string;
}

export async function cli(machine: CliMachine, ...words: string[]): Promise<CliRun> {
  const isTTY = machine.isTTY === true;
  const run = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr"): World["stdout"] => ({
    write: (text, onWritten) => {
      run[name] += text;
      if (onWritten !== undefined) queueMicrotask(onWritten);
      return true;
    },
    once: () => undefined,
    isTTY,
  });
  const status = await runCli(words, {
    env: { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1", ...machine.env },
    cwd: machine.cwd,
    stdin: Object.assign(typing(machine.typed ?? ""), { isTTY }),
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    now: () => NOW,
    daemonScript: machine.daemonScript ?? "/nonexistent/platformd.js",
    buildRelease: () => Promise.reject(new Error("Nothing is built here.")),
    readLogRest: () => {
      throw new Error("No platform is here that could leave something.");
    },
    version: () => "0.1.0",
  });
  return { status, ...run };
}

async function* typing(text: string): AsyncGenerator<string> {
  yield text;
}
