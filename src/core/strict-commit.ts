/** Reads a commit of the ledger as an auditor does: nothing may be in its bytes that the format would not have written
 *  there. A header that readers pass over, a second one of a kind, another order or another way to write a person could
 *  make two programs see two different commits. */
import type { Flaw } from "./finding.ts";
import { formatCommit, MalformedRelease, parseCommit, type Commit } from "./release-commit.ts";

export interface StrictCommit {
  commit: Commit;
  /** What a signature is over: the commit without its `gpgsig`. */
  payload: Uint8Array;
}

/** Header → how many of them there may be. */
const HEADERS: Readonly<Record<string, number>> = { tree: 1, parent: 3, author: 1, committer: 1, gpgsig: 1 };

/** The first parent, for whoever walks a chain: nothing else is looked at. */
export function firstParentOf(bytes: Uint8Array): string | undefined {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 200));
  return /^tree [0-9a-f]{40}\nparent ([0-9a-f]{40})\n/.exec(head)?.[1];
}

export function treeOf(bytes: Uint8Array): string | undefined {
  return /^tree ([0-9a-f]{40})\n/.exec(new TextDecoder("latin1").decode(bytes.subarray(0, 100)))?.[1];
}

export function readStrictCommit(bytes: Uint8Array): StrictCommit | Flaw {
  const text = decodeUtf8(bytes);
  if (text === undefined) return { kind: "commit-malformed", reason: "its commit is not UTF-8" };
  try {
    const commit = parseCommit(text);
    if (formatCommit(commit) !== text) return explain(text);
    return { commit, payload: new TextEncoder().encode(formatCommit({ ...commit, signature: undefined })) };
  } catch (error) {
    if (error instanceof MalformedRelease) return { kind: error.flaw, reason: error.reason };
    throw error;
  }
}

export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Why a commit that can be read is not written as the format says. */
function explain(text: string): Flaw {
  const counts = new Map<string, number>();
  for (const line of text.slice(0, text.indexOf("\n\n")).split(/\n(?! )/)) {
    const name = line.split(" ", 1)[0] ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, count] of counts) {
    const most = Object.hasOwn(HEADERS, name) ? HEADERS[name] : undefined;
    const shown = JSON.stringify(name.slice(0, 40));
    if (most === undefined) return { kind: "header-unknown", reason: `its commit has a header ${shown}` };
    if (count > most) return { kind: "header-repeated", reason: `its commit has ${String(count)} headers ${shown}` };
  }
  return { kind: "commit-malformed", reason: "its headers are not written as the format says" };
}
