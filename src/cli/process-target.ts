/** What `ps:restart` and `ps:stop` are aimed at: one process, all of a type, or everything. */
import { AppError } from "../core/error.ts";
import type { Command } from "./command.ts";
import { usageError } from "./parse-arguments.ts";

export type ProcessTarget = { kind: "all" } | { kind: "type"; type: string } | { kind: "process"; name: string };

/** @throws AppError usage for what is neither `web` nor `web.1`. */
export function parseTarget(command: Command, word: string | undefined): ProcessTarget {
  if (word === undefined) return { kind: "all" };
  if (/^[\w-]+\.\d+$/.test(word)) return { kind: "process", name: word };
  if (/^[\w-]+$/.test(word)) return { kind: "type", type: word };
  throw usageError(command, `${JSON.stringify(word)} is neither a process, such as web.1, nor a process type`);
}

/** `processes`, `web processes`, `web.1 process` */
export function describeTarget(target: ProcessTarget): string {
  if (target.kind === "all") return "processes";
  return target.kind === "type" ? `${target.type} processes` : `${target.name} process`;
}

/** The error for a process type that the app does not declare. */
export function unknownType(app: string, type: string, types: readonly string[]): AppError {
  return new AppError("not_found", `${app} has no process type ${JSON.stringify(type)}.`, {
    hint: types.length === 0 ? "It has none until its first deploy." : `It has: ${types.join(", ")}.`,
  });
}
