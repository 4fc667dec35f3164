/** Commits of code, read without a git process: what `git log` says of them, for those that are written as git writes
 *  them. Of the usual two releases they are a few in a straight line, read before a `git log` would have started. */
import type { Person } from "../core/person.ts";
import type { ObjectContents, ObjectReader } from "./object-reader.ts";

export interface CodeCommit {
  oid: string;
  subject: string;
  author: Person;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** From about here on git is the quicker one. */
const LINE_MAX = 20;
const COMMIT_BYTES_MAX = 64 * 1024;
/** The last second that a Date holds; a commit may claim any. */
const SECONDS_MAX = 8.64e12;
const HEAD =
  /^tree [0-9a-f]{40}\nparent ([0-9a-f]{40})\nauthor (\S|\S[^\n<>]*\S) <([^\s<>]*)> (\d+) [+-]\d{4}\ncommitter /;

/** The commits after `from` up to `to`, newest first, where each has one parent. Undefined: git has to be asked, because
 *  they are not in a line, or many, or not plain. */
export async function straightLine(reader: ObjectReader, from: string, to: string): Promise<CodeCommit[] | undefined> {
  const commits: CodeCommit[] = [];
  for (let oid = to; oid !== from;) {
    const found = commits.length < LINE_MAX ? await reader.contents(oid) : undefined;
    const read = found && readCommit(found);
    if (read === undefined) return undefined;
    commits.push(read.commit);
    oid = read.parent;
  }
  return commits;
}

function readCommit({ oid, type, data }: ObjectContents): { commit: CodeCommit; parent: string } | undefined {
  if (type !== "commit" || data.length > COMMIT_BYTES_MAX) return undefined;
  const text = data.toString("utf8");
  const [, parent, name, email, seconds] = HEAD.exec(text) ?? [];
  const headers = text.slice(0, text.indexOf("\n\n"));
  // git would change these words, or end in the middle of them.
  if (parent === undefined || /^encoding /m.test(headers) || text.includes("\0")) return undefined;
  const author = { name: name ?? "", email: email ?? "" };
  return { commit: { oid, subject: subjectOf(text), author, createdAt: millisecondsOf(seconds ?? "") }, parent };
}

export function millisecondsOf(seconds: string): number {
  return Math.min(Number(seconds), SECONDS_MAX) * 1000;
}

/** The first paragraph of a commit's message, on one line, as `git log --format=%s` has it. */
export function subjectOf(text: string): string {
  const message = text.slice(text.indexOf("\n\n") + 2).replace(/^(\s*\n)+/, "");
  const lines = (message.split(/\n\s*\n/, 1)[0] ?? "").split("\n");
  return lines
    .map((line) => line.trimEnd())
    .join(" ")
    .trimEnd();
}
