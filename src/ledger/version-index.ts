/** The file that finds v73 without a walk: 20 bytes of object id for each version, v1 first. It is derived from the
 *  ledger and believed only while its last entry is the ledger's head; otherwise it is made anew. */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { mkdir, open, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { writeDurably } from "./durable-file.ts";
import { runGit, type Repository } from "./git-process.ts";

/** What the index has to agree with. */
export interface IndexHead {
  version: number;
  oid: string;
}

const ENTRY_BYTES = 20;
/** More than this is as quickly made anew. */
const EXTENDED_MAX = 1000;

export class VersionIndex {
  readonly #path: string;
  readonly #repository: Repository;

  constructor(path: string, repository: Repository) {
    this.#path = path;
    this.#repository = repository;
  }

  /** The object id of a version, which must be between 1 and the head's. */
  async lookUp(version: number, head: IndexHead): Promise<string> {
    if (!(await this.agreesWith(head))) await this.repair(head);
    return (await this.#read(version)).oid;
  }

  /** The version whose object id begins with these bytes; undefined when there is none. Reads the whole file, which is
   *  2 MB for 100,000 releases. */
  async find(oidStart: Buffer, head: IndexHead): Promise<number | undefined> {
    if (!(await this.agreesWith(head))) await this.repair(head);
    const bytes = await readFile(this.#path);
    let at = bytes.indexOf(oidStart);
    // What is found across two ids is none.
    while (at % ENTRY_BYTES > 0) at = bytes.indexOf(oidStart, at + 1);
    return at < 0 ? undefined : at / ENTRY_BYTES + 1;
  }

  async agreesWith(head: IndexHead): Promise<boolean> {
    try {
      const { oid, entries } = await this.#read(head.version);
      return oid === head.oid && entries === head.version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  }

  /** Notes a release just made. A missing or lagging file is left alone: the next look-up makes it anew. */
  append(release: IndexHead): void {
    let fd: number;
    try {
      fd = openSync(this.#path, "r+");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    try {
      const at = (release.version - 1) * ENTRY_BYTES;
      if (fstatSync(fd).size >= at) writeSync(fd, Buffer.from(release.oid, "hex"), 0, ENTRY_BYTES, at);
    } finally {
      closeSync(fd);
    }
  }

  /** Adds what is missing at the end, as after a crash between the release and its entry; else makes the file anew. */
  async repair(head: IndexHead): Promise<void> {
    if (!(await this.#extend(head))) await this.rebuild(head);
  }

  async rebuild(head: IndexHead): Promise<void> {
    const oids = await this.#chain(head);
    if (oids.length !== head.version) {
      throw new Error(`The ledger has ${String(oids.length)} releases but its head is v${String(head.version)}.`);
    }
    await mkdir(dirname(this.#path), { recursive: true });
    await writeDurably(this.#path, Buffer.from(oids.join(""), "hex"), 0o600);
  }

  /** Whether the last entry is an ancestor of the head at the distance that it should have, and the rest was added. */
  async #extend(head: IndexHead): Promise<boolean> {
    const size = (await stat(this.#path).catch(() => undefined))?.size ?? 0;
    const entries = Math.floor(size / ENTRY_BYTES);
    const missing = head.version - entries;
    if (entries === 0 || missing < 1 || missing > EXTENDED_MAX) return false;
    const [last, ...added] = await this.#chain(head, missing + 1);
    if (added.length !== missing || (await this.#read(entries)).oid !== last) return false;
    const file = await open(this.#path, "r+");
    try {
      await file.write(Buffer.from(added.join(""), "hex"), 0, missing * ENTRY_BYTES, entries * ENTRY_BYTES);
    } finally {
      await file.close();
    }
    return this.agreesWith(head);
  }

  /** Object ids of the newest releases, or of all, oldest first. */
  async #chain(head: IndexHead, count?: number): Promise<string[]> {
    const limit = count === undefined ? [] : [`--max-count=${String(count)}`];
    const list = await runGit(this.#repository, ["rev-list", "--first-parent", "--reverse", ...limit, head.oid]);
    return list.trimEnd().split("\n");
  }

  async #read(version: number): Promise<{ oid: string; entries: number }> {
    const file = await open(this.#path, "r");
    try {
      const { size } = await file.stat();
      const entry = Buffer.alloc(ENTRY_BYTES);
      await file.read(entry, 0, ENTRY_BYTES, (version - 1) * ENTRY_BYTES);
      return { oid: entry.toString("hex"), entries: size / ENTRY_BYTES };
    } finally {
      await file.close();
    }
  }
}
