/** Terminal sessions as tests: a file of `# comment`, `$ command`, then what standard output and standard error show
 *  together, and `[1]` for an exit status other than 0. `[..]` stands for any text within a line, a line `...` for any
 *  lines. `UPDATE=1` rewrites the steps that do not match, and only those. Commands run one by one in one directory, by
 *  `sh`, with a `git-heroku` on PATH, so that git itself finds `git heroku`. */
import { spawn } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, seen from dist/test/support. */
export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
export const PROGRAM = join(ROOT, "dist", "bin", "git-heroku.js");

/** Whether steps that differ are rewritten, which a person then reads in the diff. */
const UPDATE = process.env["UPDATE"] === "1";

export interface Step {
  /** What stands before the output: comments, blank lines and the command line. */
  lead: string[];
  command: string;
  expected: string[];
}

export interface Stage {
  /** Where the commands run. */
  cwd: string;
  env: Record<string, string>;
}

/** A directory with a home, a work directory and a `bin` that holds `git-heroku`; `env` is all that commands see. */
export async function makeStage(directory: string, more: Record<string, string> = {}): Promise<Stage> {
  const [cwd, bin, home] = ["work", "bin", "home"].map((name) => join(directory, name)) as [string, string, string];
  for (const path of [cwd, bin, home]) await mkdir(path, { recursive: true });
  await symlink(PROGRAM, join(bin, "git-heroku"));
  return {
    cwd,
    env: {
      PATH: `${bin}:${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}`,
      HOME: home,
      TZ: "UTC",
      LC_ALL: "C.UTF-8",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CEILING_DIRECTORIES: directory,
      GIT_AUTHOR_NAME: "Ned",
      GIT_AUTHOR_EMAIL: "ned@foobazco.com",
      GIT_COMMITTER_NAME: "Ned",
      GIT_COMMITTER_EMAIL: "ned@foobazco.com",
      ...more,
    },
  };
}

/** Runs the file's session. Throws with the first step that differs, what it said and what was expected. */
export async function runTranscript(path: string, stage: Stage, update = UPDATE): Promise<void> {
  const { steps, rest } = parseTranscript(await readFile(path, "utf8"));
  let hasChanged = false;
  for (const step of steps) {
    const actual = await runStep(step.command, stage);
    if (matches(step.expected, actual)) continue;
    if (!update) throw new Error(explain(path, step, actual));
    step.expected = actual;
    hasChanged = true;
  }
  if (hasChanged) await writeFile(path, formatTranscript(steps, rest));
}

export function parseTranscript(text: string): { steps: Step[]; rest: string[] } {
  const steps: Step[] = [];
  let lead: string[] = [];
  let current: Step | undefined;
  for (const line of text.replace(/\n$/, "").split("\n")) {
    if (line.startsWith("$ ")) {
      current = { lead: [...lead, line], command: line.slice(2), expected: [] };
      steps.push(current);
      lead = [];
    } else if (line.startsWith("# ") || current === undefined) {
      current = undefined;
      lead.push(line);
    } else current.expected.push(line);
  }
  // A blank line before a comment or the next command belongs to the page, not to the output.
  for (const [index, step] of steps.entries()) {
    const next = steps[index + 1]?.lead ?? lead;
    while (step.expected.at(-1) === "") next.unshift(step.expected.pop() ?? "");
  }
  return { steps, rest: lead };
}

export function formatTranscript(steps: readonly Step[], rest: readonly string[]): string {
  return [...steps.flatMap((step) => [...step.lead, ...step.expected]), ...rest].map((line) => `${line}\n`).join("");
}

/** The lines that the command showed; a final `[1]` when it did not end with 0. */
async function runStep(command: string, stage: Stage): Promise<string[]> {
  const { output, status } = await runShell(command, stage);
  // git fills what the other end says up with blanks, for terminals.
  const lines = output === "" ? [] : output.replace(/ +$/gm, "").replace(/\n$/, "").split("\n");
  while (lines.at(-1) === "") lines.pop();
  return status === 0 ? lines : [...lines, `[${String(status)}]`];
}

export interface ShellResult {
  output: string;
  status: number | null;
}

/** Standard output and standard error as a terminal would show them, through one pipe. */
export function runShell(command: string, stage: Stage): Promise<ShellResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", `{ ${command}\n} 2>&1`], { ...stage, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", (status) => resolve({ output, status }));
  });
}

/** Whether the expected lines, with their wildcards, describe the actual ones. */
export function matches(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...others] = expected;
  if (first === undefined) return actual.length === 0;
  if (first === "...") {
    return actual.some((_, index) => matches(others, actual.slice(index))) || matches(others, []);
  }
  const [line, ...remaining] = actual;
  return line !== undefined && lineMatches(first, line) && matches(others, remaining);
}

function lineMatches(expected: string, actual: string): boolean {
  const pattern = expected
    .split("[..]")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${pattern}$`, "s").test(actual);
}

function explain(path: string, step: Step, actual: readonly string[]): string {
  return `${path}\n  $ ${step.command}\n  expected:\n${indent(step.expected)}  actual:\n${indent(actual)}`;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}\n`).join("");
}
