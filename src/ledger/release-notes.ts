/** `refs/notes/releases`: on each deployed code commit a line for each release of it, for `git log --notes=releases` in
 *  a clone. Derived from the ledger: the message of the newest notes commit says up to which release it is, so that
 *  whatever was missed, by a crash or because the ref is gone, is written by the next call. */
import { formatDate } from "../core/duration.ts";
import { cleanLine } from "../core/release-commit.ts";
import { formatVersion, type Release, type ReleaseChange } from "../core/release.ts";
import { tryGit, type Repository } from "./git-process.ts";
import type { Ink } from "./ink.ts";
import type { ReleaseLog } from "./release-log.ts";

export const NOTES_REF = "refs/notes/releases";

const NOTED: ReadonlySet<ReleaseChange> = new Set(["deploy", "rollback", "revert", "promotion"]);
const PAGE = 200;
/** So many releases without a note are looked through again at each start; from there on the ref is moved for them. */
const LAG_MAX = 500;
const ATTEMPTS_MAX = 3;

/** Where the notes stand. `upTo` is undefined when they must be written anew: there are none, or they are of another
 *  ledger. */
interface Standing {
  oid: string | undefined;
  upTo: Release | undefined;
}

export class ReleaseNotes {
  readonly #repository: Repository;
  readonly #ink: Ink;
  readonly #log: ReleaseLog;

  constructor(repository: Repository, ink: Ink, log: ReleaseLog) {
    this.#repository = repository;
    this.#ink = ink;
    this.#log = log;
  }

  /** Brings the notes up to the head of the ledger. One call at a time.
   *  @throws Error when git cannot write them; the notes are as they were. */
  async catchUp(): Promise<void> {
    let complaint = "";
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const head = await this.#log.head();
      const standing = await this.#standing(head);
      if (head === undefined || standing.upTo?.oid === head.oid) return;
      const lines = await this.#linesSince(standing.upTo, head);
      if (lines.size === 0 && !mustMove(standing, head)) return;
      const { status, stderr } = await this.#write(standing, head, await this.#upon(standing, lines));
      if (status === 0) return;
      // Somebody else moved the ref meanwhile, such as a git that has outlived the daemon before: look again.
      complaint = stderr.trim();
    }
    throw new Error(`Could not write ${NOTES_REF}: ${complaint}`);
  }

  async #standing(head: Release | undefined): Promise<Standing> {
    const { objects } = this.#ink;
    const oid = await objects.reader.ref(NOTES_REF);
    if (oid === undefined) return { oid, upTo: undefined };
    const message = (await objects.reader.contents(oid))?.data.toString("utf8") ?? "";
    const [, digits, noted] = /^Up-To: v([1-9][0-9]{0,8}) ([0-9a-f]{40})$/m.exec(message) ?? [];
    const version = Number(digits);
    if (head === undefined || noted === undefined || version > head.version) return { oid, upTo: undefined };
    const release = await this.#log.get(version);
    return { oid, upTo: release.oid === noted ? release : undefined };
  }

  /** Code commit → its new lines, oldest first. */
  async #linesSince(since: Release | undefined, head: Release): Promise<Map<string, string[]>> {
    const lines = new Map<string, string[]>();
    const first = (since?.version ?? 0) + 1;
    for (let before = head.version + 1; before > first; before -= PAGE) {
      for (const release of await this.#log.list(Math.min(PAGE, before - first), before)) {
        if (release.code === undefined || release.status !== "succeeded" || !NOTED.has(release.change)) continue;
        const known = lines.get(release.code);
        if (known === undefined) lines.set(release.code, [formatNote(release)]);
        else known.push(formatNote(release));
      }
    }
    for (const list of lines.values()) list.reverse();
    return lines;
  }

  /** Code commit → its whole note, with the lines that it has already. */
  async #upon({ oid, upTo }: Standing, lines: ReadonlyMap<string, string[]>): Promise<Map<string, string>> {
    const notes = new Map<string, string>();
    for (const [commit, added] of lines) {
      const before = oid === undefined || upTo === undefined ? "" : await this.#read(oid, commit);
      notes.set(commit, before + added.join(""));
    }
    return notes;
  }

  /** Notes lie in as many levels of directories as their number asks for. */
  async #read(notes: string, commit: string): Promise<string> {
    for (let levels = 0; levels < 4; levels += 1) {
      const path = [...(commit.slice(0, 2 * levels).match(/../g) ?? []), commit.slice(2 * levels)].join("/");
      const found = await this.#ink.objects.reader.contents(`${notes}:${path}`);
      if (found?.type === "blob") return found.data.toString("utf8").replace(/(?<=[^\n])$/, "\n");
    }
    return "";
  }

  /** All at once, and the ref only from where it stood. `done` keeps what is cut off by a crash from being taken for
   *  the whole. */
  #write({ oid, upTo }: Standing, head: Release, notes: ReadonlyMap<string, string>): ReturnType<typeof tryGit> {
    const { committer, clock } = this.#ink;
    const seconds = String(Math.floor(clock.now() / 1000));
    const message = `Notes up to ${formatVersion(head.version)}\n\nUp-To: ${formatVersion(head.version)} ${head.oid}\n`;
    const stream = [
      `commit ${NOTES_REF}\ncommitter ${committer.name} <${committer.email}> ${seconds} +0000\n${data(message)}`,
      oid === undefined ? "" : `from ${oid}\n`,
      oid === undefined || upTo !== undefined ? "" : "deleteall\n",
      ...[...notes].map(([commit, text]) => `N inline ${commit}\n${data(text)}`),
      "done\n",
    ];
    return tryGit(this.#repository, ["fast-import", "--quiet", "--done"], stream.join(""));
  }
}

/** Whether the ref is written although there is no new line. */
function mustMove({ oid, upTo }: Standing, head: Release): boolean {
  return upTo === undefined ? oid !== undefined : head.version - upTo.version >= LAG_MAX;
}

function data(text: string): string {
  return `data ${String(Buffer.byteLength(text))}\n${text}\n`;
}

/** `v74 deploy by ned@foobazco.com 2026-11-23T08:35:19Z` and a newline. */
export function formatNote({ version, change, by, createdAt }: Release): string {
  return `${cleanLine(`${formatVersion(version)} ${change} by ${by.email} ${formatDate(createdAt)}`)}\n`;
}
