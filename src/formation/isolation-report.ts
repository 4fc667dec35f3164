/** What the machine can do to keep processes apart, in sentences for people: doctor and the journal. */
import type { Isolation, Lack } from "./isolation.ts";

export interface IsolationLine {
  readonly name: string;
  readonly level: "ok" | "warning";
  readonly message: string;
  readonly hint?: string;
}

const NO_LACK: Lack = { reason: "unknown", hint: "See docs/isolation.md." };

export function describeIsolation(isolation: Isolation): IsolationLine[] {
  return [sandboxLine(isolation), buildLine(isolation), treeLine(isolation), viewLine(isolation), userLine(isolation)];
}

function sandboxLine({ sandbox, missing }: Isolation): IsolationLine {
  const name = "sandbox";
  if (sandbox !== undefined) {
    return { name, level: "ok", message: "a process sees its own files and processes, and no others (bubblewrap)" };
  }
  const { reason, hint } = missing.sandbox ?? NO_LACK;
  return { name, level: "warning", message: `processes see each other and this user's files: ${reason}`, hint };
}

function buildLine({ sandbox, missing }: Isolation): IsolationLine {
  const name = "builds";
  if (sandbox !== undefined) {
    return {
      name,
      level: "ok",
      message: "what a buildpack runs writes to its build and its app's cache, and sees no other app",
    };
  }
  const { reason, hint } = missing.sandbox ?? NO_LACK;
  const message = `builds are not isolated, a buildpack can read and write what this user can: ${reason}`;
  return { name, level: "warning", message, hint };
}

function treeLine({ cgroups, sandbox, missing }: Isolation): IsolationLine {
  const name = "process trees";
  if (cgroups !== undefined || sandbox !== undefined) {
    const how = sandbox === undefined ? "their control group" : "their pid namespace";
    return { name, level: "ok", message: `whatever a process starts ends with it: found by ${how}` };
  }
  const message = "a child that leaves its session and changes its environment is not found, and outlives a stop";
  return { name, level: "warning", message, hint: missing.sandbox?.hint ?? NO_LACK.hint };
}

function viewLine({ isRoot, overlay, clones, missing }: Isolation): IsolationLine {
  const name = "app directory view";
  if (overlay !== undefined) return { name, level: "ok", message: "an overlay: a start copies no files" };
  if (clones) return { name, level: "ok", message: "clones: copies share their blocks with the built code" };
  const { reason, hint } = missing.overlay ?? NO_LACK;
  const cost = isRoot
    ? "each start copies the built code"
    : "files of large apps are shared read-only: a process can replace them, not write to them";
  return { name, level: "warning", message: `${cost}, as ${reason}`, hint };
}

function userLine({ isRoot, sandbox, users, missing }: Isolation): IsolationLine {
  const name = "users";
  if (!isRoot) return { name, level: "ok", message: "processes run as the user that the platform runs as" };
  if (users) return { name, level: "ok", message: "each app's processes run as a user of its own, without an account" };
  const own = "Run the platform as a user of its own.";
  if (sandbox === undefined) return { name, level: "warning", message: "processes run as root", hint: own };
  const { reason, hint } = missing.users ?? NO_LACK;
  const message = `processes run as root, in sandboxes without its power over the machine: ${reason}`;
  return { name, level: "warning", message, hint: `${hint}. Or: ${own}` };
}
