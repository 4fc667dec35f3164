/** Changes to a machine as a list: what is to be done is known, and can be shown, before anything is done. What is as it should
 *  be already is left out, so doing it all twice does nothing the second time. Below another root only files are made. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "../core/error.ts";
import type { Terminal } from "./terminal.ts";

export type Change =
  | { kind: "write"; path: string; text: string; check?: readonly string[] | undefined }
  | { kind: "link"; path: string; to: string; check?: readonly string[] | undefined }
  | { kind: "remove"; path: string }
  /** Of the machine itself: not below another root. */
  | { kind: "run"; words: readonly string[] };

export interface Machine {
  /** `/`, or where a machine's files are tried. */
  root: string;
  out: Terminal;
}

/** Those that would change something. A program is run when a file was changed before it, or `always`. */
export function pendingChanges(root: string, changes: readonly Change[]): Change[] {
  return changes.filter((change) => change.kind === "run" || !isDone(root, change));
}

function isDone(root: string, change: Exclude<Change, { kind: "run" }>): boolean {
  const path = join(root, change.path);
  if (change.kind === "remove") return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  return current(path) === (change.kind === "link" ? `-> ${change.to}` : change.text);
}

/** The text of a file, or where a link leads; undefined when there is neither. */
function current(path: string): string | undefined {
  const about = lstatSync(path, { throwIfNoEntry: false });
  if (about === undefined) return undefined;
  return about.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, "utf8");
}

export async function showChanges(out: Terminal, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    await out.line(describeChange(change));
    if (change.kind !== "write") continue;
    for (const line of change.text.trimEnd().split("\n")) await out.line(`    ${line}`.trimEnd());
  }
}

export function describeChange(change: Change): string {
  if (change.kind === "run") return `Run ${change.words.join(" ")}`;
  if (change.kind === "link") return `Link ${change.path} to ${change.to}`;
  return `${change.kind === "write" ? "Write" : "Remove"} ${change.path}`;
}

/** One after the other. A file that its own program finds fault with is put back as it was.
 *  @throws AppError for the first that fails; those before it stay */
export async function makeChanges({ root, out }: Machine, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    if (change.kind === "run" && root !== "/") {
      await out.line(`Not below ${root}: ${change.words.join(" ")}`);
      continue;
    }
    await out.line(describeChange(change));
    if (change.kind === "run") runProgram(change.words);
    else place(root, change);
  }
}

function place(root: string, change: Exclude<Change, { kind: "run" }>): void {
  const path = join(root, change.path);
  if (change.kind === "remove") return rmSync(path, { force: true, recursive: true });
  const before = current(path);
  mkdirSync(dirname(path), { recursive: true });
  put(path, change.kind === "link" ? `-> ${change.to}` : change.text);
  if (change.check === undefined || root !== "/") return undefined;
  try {
    return runProgram(change.check);
  } catch (error) {
    if (before === undefined) rmSync(path);
    else put(path, before);
    throw error;
  }
}

/** Whole or not at all. */
function put(path: string, content: string): void {
  const temporary = `${path}.git-heroku-new`;
  rmSync(temporary, { force: true });
  if (content.startsWith("-> ")) symlinkSync(content.slice("-> ".length), temporary);
  else {
    const file = openSync(temporary, "wx", 0o644);
    // Whatever umask root has: sshd and others read it.
    fchmodSync(file, 0o644);
    writeFileSync(file, content);
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** @throws AppError with the program's own words */
function runProgram(words: readonly string[]): void {
  const [command = "", ...args] = words;
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return;
  const why =
    error?.message ??
    ([stderr, stdout].map((text) => text.trim()).find((text) => text !== "") || `status ${String(status)}`);
  throw new AppError("unavailable", `${words.join(" ")} failed: ${why}`, {
    hint: "What was done before it stays; run the command again when this is mended.",
  });
}
