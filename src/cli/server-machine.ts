/** The machine that the `server:install` commands change, and how they do it: shown, or done. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "../core/error.ts";
import type { Context, Option } from "./command.ts";
import { makeChanges, pendingChanges, showChanges, type Change, type Machine } from "./system-changes.ts";

export const MACHINE_OPTIONS: readonly Option[] = [
  { name: "dry-run", summary: "show every change, and make none" },
  {
    name: "root",
    value: "DIR",
    completes: "files",
    summary: "make the files below this directory only, to look at them",
  },
];

/** @throws AppError when this machine cannot be changed so */
export function machineOf({ args, out, world }: Context): Machine {
  const directory = args.value("root");
  const root = directory === undefined ? "/" : resolve(world.cwd, directory);
  if (root !== "/" || args.has("dry-run")) return { root, out };
  if (process.getuid?.() !== 0) {
    throw new AppError("forbidden", "Only root may change this machine so.", {
      hint: "Run it with sudo; --dry-run shows what it would do, as anybody.",
    });
  }
  if (!existsSync("/run/systemd/system")) {
    throw new AppError("unavailable", "This machine does not run systemd.", {
      hint: "Start the platform by the means of this system; --root DIR makes the files for you to look at.",
    });
  }
  return { root, out };
}

export async function carryOut(context: Context, changes: readonly Change[]): Promise<void> {
  const machine = machineOf(context);
  const pending = pendingChanges(machine.root, changes);
  if (context.args.has("dry-run")) await showChanges(context.out, pending);
  else await makeChanges(machine, pending);
}
