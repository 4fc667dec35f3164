/** How the config came to be: the releases that changed `config.env`, newest first, with the lines that they changed.
 *  git itself looks for them (with a commit-graph it passes over all others) and the reader stops it when it has seen
 *  enough, so nothing depends on the length of the ledger but a search for what is really old. */
import { parseRelease } from "../core/release-commit.ts";
import type { Release } from "../core/release.ts";
import type { Repository } from "./git-process.ts";
import { gitOutput } from "./git-output.ts";

/** A variable's line before and after; undefined where there was none. */
export interface LineChange {
  before: string | undefined;
  after: string | undefined;
}

/** What a release that ran changed against the one that ran before it. */
export interface ConfigStep {
  release: Release;
  /** Name → its lines. */
  changes: ReadonlyMap<string, LineChange>;
}

/** A release of any status, against its parent. */
interface RawStep {
  release: Release;
  removed: ReadonlyMap<string, string>;
  added: ReadonlyMap<string, string>;
}

const LINE = /^([A-Za-z_][A-Za-z0-9_]*)=/;
const PUBLIC_KEY_NAME = "DOTENV_PUBLIC_KEY";

/** @param current a succeeded release: where to begin.
 *  @param get finds a release by its version. */
export async function* configSteps(
  repository: Repository,
  current: Release,
  get: (version: number) => Promise<Release>,
): AsyncGenerator<ConfigStep> {
  let pending: { release: Release; changes: Map<string, LineChange> } | undefined;
  let newer = current.version + 1;
  for await (const step of rawSteps(repository, current)) {
    const firstToRun = await firstSucceeded(step.release, newer, get);
    if (firstToRun !== undefined) {
      if (pending !== undefined) yield pending;
      pending = { release: firstToRun, changes: new Map() };
    }
    if (pending !== undefined) takeBack(pending.changes, step);
    newer = step.release.version;
  }
  if (pending !== undefined) yield pending;
}

/** A failed release never ran; the config that it made runs from the next good release on that still has it. */
async function firstSucceeded(
  from: Release,
  before: number,
  get: (version: number) => Promise<Release>,
): Promise<Release | undefined> {
  let release = from;
  while (release.status === "failed") {
    if (release.version + 1 >= before) return undefined;
    release = await get(release.version + 1);
  }
  return release;
}

function takeBack(changes: Map<string, LineChange>, { removed, added }: RawStep): void {
  for (const name of new Set([...removed.keys(), ...added.keys()])) {
    const known = changes.get(name);
    changes.set(name, { before: removed.get(name), after: known === undefined ? added.get(name) : known.after });
  }
}

async function* rawSteps(repository: Repository, from: Release): AsyncGenerator<RawStep> {
  const format = "--format=%x00%H %T %P%n%an%n%ae%n%at%n%B%x00";
  const plain = ["--text", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--encoding=UTF-8"];
  const what = ["log", "--first-parent", "--root", "-p", "-U0", ...plain, format];
  // No commit and no line of config holds a NUL, so the fields are: nothing, header, diff, header, diff …
  let header: string | undefined;
  let isFirst = true;
  for await (const field of splitAtNul(gitOutput(repository, [...what, from.oid, "--", "config.env"]))) {
    if (isFirst) isFirst = false;
    else if (header === undefined) header = field;
    else {
      yield { release: readRelease(header), ...readLines(field) };
      header = undefined;
    }
  }
}

async function* splitAtNul(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const fields = (rest + decoder.decode(chunk, { stream: true })).split("\0");
    rest = fields.pop() ?? "";
    yield* fields;
  }
  yield rest;
}

function readRelease(header: string): Release {
  const [ids = "", name = "", email = "", seconds = "", ...message] = header.split("\n");
  const [oid = "", tree = "", ...parents] = ids.split(" ").filter((id) => id !== "");
  const author = { person: { name, email }, seconds: Number(seconds) };
  return parseRelease(oid, { tree, parents, author, committer: author, message: message.join("\n") });
}

function readLines(diff: string): { removed: Map<string, string>; added: Map<string, string> } {
  const [removed, added] = [new Map<string, string>(), new Map<string, string>()];
  for (const line of diff.split("\n")) {
    const name = LINE.exec(line.slice(1))?.[1];
    if (name === undefined || name === PUBLIC_KEY_NAME) continue;
    if (line.startsWith("-")) removed.set(name, line.slice(1));
    else if (line.startsWith("+")) added.set(name, line.slice(1));
  }
  return { removed, added };
}
