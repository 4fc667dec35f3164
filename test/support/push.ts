/** A `git push` under way, and builds that wait at a gate until the test lets them through. */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecResult, TestPlatform } from "./platform.ts";
import { must } from "./deploy.ts";
import { makeGate, type Gate } from "./gate.ts";

export interface RunningPush {
  pid: number;
  /** Resolves once the text was shown. Rejects when the push ends without it. */
  shows(text: string): Promise<void>;
  ended: Promise<ExecResult>;
  /** Resolves when git itself is gone, whatever it started may live on. */
  left: Promise<void>;
}

/** Runs git in a process group of its own, as a terminal would, so that the test can interrupt all of it. */
export function startGit(
  platform: TestPlatform,
  cwd: string,
  args: string[],
  env: Record<string, string> = {},
): RunningPush {
  const child = spawn("git", args, {
    cwd,
    env: { ...platform.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const shown = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      shown[name] += text;
      for (const look of waiting) look();
    });
  }
  let isOver = false;
  const ended = new Promise<ExecResult>((resolve) => {
    child.once("close", (status) => {
      isOver = true;
      for (const look of waiting) look();
      resolve({ status: status ?? -1, ...shown });
    });
  });
  const left = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const shows = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if ((shown.stdout + shown.stderr).includes(text)) resolve();
        else if (isOver) reject(new Error(`git ${args.join(" ")} ended without ${text}: ${shown.stderr}`));
        else return void waiting.add(look);
        waiting.delete(look);
      };
      look();
    });
  return { pid: child.pid ?? 0, shows, ended, left };
}

export function startPush(platform: TestPlatform, clone: string, ...args: string[]): RunningPush {
  return startGit(platform, clone, ["push", "production", ...args]);
}

/** Commits a gate to a clone of the fixture `gated`: its next build waits there, and says so. */
export async function commitGate(platform: TestPlatform, clone: string, name: string): Promise<Gate> {
  const gate = makeGate(platform, name);
  await writeFile(join(clone, "gate"), `${gate.path}\n`);
  await must(platform, clone, "add", ".");
  await must(platform, clone, "commit", "-q", "-m", `Gate ${name}`);
  return gate;
}

/** What the build says when it has come to its gate. */
export const AT_GATE = "build at the gate";

/** One more commit that changes a file which no build looks at. */
export async function commitChange(platform: TestPlatform, clone: string, text: string): Promise<string> {
  await writeFile(join(clone, "change.txt"), `${text}\n`);
  await must(platform, clone, "add", ".");
  await must(platform, clone, "commit", "-q", "-m", text);
  return must(platform, clone, "rev-parse", "HEAD");
}
