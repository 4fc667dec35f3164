/** The file that finds v73 without a walk: 20 bytes of object id for each version, v1 first. It is derived from the
 *  ledger and believed only while its last entry is the ledger's head; otherwise it is made anew. */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeDurably } from "./durable-file.ts";
import { runGit, type Repository } from "./git-process.ts";

/** What the index has to agree with. */
export interface IndexHead {
  version: number;
  oid: string;
}

const ENTRY_BYTES = 20;

export class VersionIndex {
  readonly #path: string;
  readonly #repository: Repository;

  constructor(path: string, repository: Repository) {
    this.#path = path;
    this.#repository = repository;
  }

  /** The object id of a version, which must be between 1 and the head's. */
  async lookUp(version: number, head: IndexHead): Promise<string> {
    if (!(await this.agreesWith(head))) await this.rebuild(head);
    return (await this.#read(version)).oid;
  }

  /** The version whose object id begins with these bytes; undefined when there is none. Reads the whole file, which is
   *  200 kB for 10,000 releases. */
  async find(oidStart: Buffer, head: IndexHead): Promise<number | undefined> {
    if (!(await this.agreesWith(head))) await this.rebuild(head);
    const bytes = await readFile(this.#path);
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      if (oidStart.equals(bytes.subarray(at, at + oidStart.length))) return at / ENTRY_BYTES + 1;
    }
    return undefined;
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

  async rebuild(head: IndexHead): Promise<void> {
    const list = await runGit(this.#repository, ["rev-list", "--first-parent", "--reverse", head.oid]);
    const oids = list.trimEnd().split("\n");
    if (oids.length !== head.version) {
      throw new Error(`The ledger has ${String(oids.length)} releases but its head is v${String(head.version)}.`);
    }
    await mkdir(dirname(this.#path), { recursive: true });
    await writeDurably(this.#path, Buffer.from(oids.join(""), "hex"), 0o600);
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
