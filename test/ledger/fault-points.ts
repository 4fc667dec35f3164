/** Loaded before a program (`node --import`): counts the steps by which it changes the disk or speaks to git, and kills
 *  it before the one whose number is in FAULT_AT. FAULT_KILL=group takes its git children along, as a power cut does.
 *  Without FAULT_AT the count is written to the file FAULT_COUNT at the end. */
import child_process, { type ChildProcess } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Anything = (...args: unknown[]) => unknown;

const killAt = Number(process.env["FAULT_AT"] ?? 0);
const writeFileSync = fs.writeFileSync;
let steps = 0;

function step(): void {
  steps += 1;
  if (steps !== killAt) return;
  process.kill(process.env["FAULT_KILL"] === "group" ? -process.pid : process.pid, "SIGKILL");
}

function countCalls(target: object, names: readonly string[]): void {
  const functions = target as Record<string, Anything>;
  for (const name of names) {
    const original = functions[name];
    if (original === undefined) throw new Error(`There is no ${name}.`);
    functions[name] = function (this: unknown, ...args: unknown[]) {
      step();
      return original.apply(this, args);
    };
  }
}

const CALLS = ["rename", "rm", "mkdir", "link", "unlink", "writeFile"];
const SYNC_CALLS = ["openSync", "writeSync", "closeSync", "renameSync", "rmSync", "ftruncateSync"];
countCalls(fs, [...SYNC_CALLS, "fsync"]);
countCalls(fs.promises, CALLS);

const open = fs.promises.open;
fs.promises.open = async (...args) => {
  step();
  const file = await open(...args);
  countCalls(file, ["write", "sync", "close", "truncate"]);
  return file;
};

/** What is written to git is counted by lines: it may see a part of what it is told. */
const spawn = child_process.spawn;
child_process.spawn = ((...args: Parameters<typeof spawn>): ChildProcess => {
  step();
  const child = spawn(...args);
  const input = child.stdin;
  if (input === null) return child;
  const write = input.write.bind(input);
  input.write = ((text: unknown) => {
    const lines = typeof text === "string" ? text.split(/(?<=\n)/) : [text];
    for (const line of lines) {
      step();
      write(line);
    }
    return true;
  }) as typeof input.write;
  return child;
}) as typeof spawn;
const execFile = child_process.execFile;
child_process.execFile = ((...args: Parameters<typeof execFile>) => {
  step();
  return execFile(...args);
}) as typeof execFile;

syncBuiltinESMExports();
process.on("exit", () => {
  const file = process.env["FAULT_COUNT"];
  if (file !== undefined) writeFileSync(file, String(steps));
});
