/** Reads objects and refs through one long-lived `git cat-file --batch-command`: whatever the packs look like, a read
 *  is a tenth of a millisecond and the memory is git's. What `contents` answers has been checked against its id. */
import { createHash } from "node:crypto";
import { GitChild, type ChildEnd } from "./git-child.ts";
import type { Repository } from "./git-process.ts";
import { hasLooseRef, readLooseRef, stampOfPackedRefs } from "./loose-ref.ts";

export interface ObjectInfo {
  oid: string;
  type: string;
  sizeBytes: number;
}
export interface ObjectContents extends ObjectInfo {
  data: Buffer;
}

interface Request {
  verb: "info" | "contents";
  name: string;
  /** How many processes died while this was the one being answered. */
  deaths: number;
  resolve(found: ObjectContents | undefined): void;
  reject(error: Error): void;
}

/** What a ref without a file of its own was when git was asked. */
interface WithoutFile {
  /** Undefined where there was none. */
  oid: string | undefined;
  packedRefs: string;
}

const DEATHS_MAX = 2;
const EMPTY = Buffer.alloc(0);

export class ObjectReader {
  readonly #repository: Repository;
  readonly #child: GitChild;
  readonly #withoutFile = new Map<string, WithoutFile>();
  /** Sent and not answered yet, oldest first. */
  #pending: Request[] = [];
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  /** How many bytes must be there before looking again is worth while. */
  #neededBytes = 0;

  constructor(repository: Repository) {
    this.#repository = repository;
    this.#child = new GitChild({
      repository,
      args: ["cat-file", "--batch-command"],
      onOutput: (chunk) => this.#take(chunk),
      onEnd: (end) => this.#restart(end),
      isIdle: () => this.#pending.length === 0,
    });
  }

  /** Undefined when there is no such object. `name` is an object id, a full ref or either with `^{…}`. */
  async info(name: string): Promise<ObjectInfo | undefined> {
    return this.#ask("info", name);
  }

  async contents(name: string): Promise<ObjectContents | undefined> {
    const found = await this.#ask("contents", name);
    if (found === undefined) return undefined;
    const hash = createHash("sha1")
      .update(`${found.type} ${String(found.sizeBytes)}\0`)
      .update(found.data);
    if (hash.digest("hex") !== found.oid) throw new Error(`Object ${found.oid} is damaged.`);
    return found;
  }

  /** What the ref points to now; other processes' changes are seen at once. */
  async ref(name: string): Promise<string | undefined> {
    // Looked at before git is asked: what changes meanwhile is found to have changed.
    const packedRefs = hasLooseRef(this.#repository, name) ? undefined : stampOfPackedRefs(this.#repository);
    const oid = (await this.info(name))?.oid;
    if (packedRefs === undefined || hasLooseRef(this.#repository, name)) this.#withoutFile.delete(name);
    else this.#withoutFile.set(name, { oid, packedRefs });
    return oid;
  }

  /** Whether the ref surely points there still; without an id, whether there surely is none still. False also when only git can
   *  tell. */
  isStillAt(name: string, oid: string | undefined): boolean {
    if (this.#child.isClosed) return false;
    const known = this.#withoutFile.get(name);
    if (known === undefined || hasLooseRef(this.#repository, name)) {
      return oid !== undefined && readLooseRef(this.#repository, name) === oid;
    }
    return known.oid === oid && known.packedRefs === stampOfPackedRefs(this.#repository);
  }

  /** Answers come in order, so when one more is there, all are. */
  async close(): Promise<void> {
    if (this.#pending.length > 0) await this.info("HEAD").catch(() => undefined);
    await this.#child.close();
  }

  #ask(verb: Request["verb"], name: string): Promise<ObjectContents | undefined> {
    if (/[\0\n]/.test(name)) throw new Error(`${JSON.stringify(name)} is not the name of an object.`);
    return new Promise((resolve, reject) => {
      this.#child.write(`${verb} ${name}\n`);
      this.#pending.push({ verb, name, deaths: 0, resolve, reject });
    });
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes < this.#neededBytes) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (let used = -1; used !== 0; rest = rest.subarray(used)) used = this.#answerOne(rest);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#bufferedBytes = rest.length;
  }

  /** Answers the oldest request if its answer is complete; returns how many bytes that took, else 0. */
  #answerOne(bytes: Buffer): number {
    const request = this.#pending[0];
    const headEnd = bytes.indexOf(10);
    this.#neededBytes = 0;
    if (request === undefined || headEnd < 0) return 0;
    const [, oid, type, size] = /^([0-9a-f]{40}) ([a-z]+) ([0-9]+)$/.exec(bytes.toString("latin1", 0, headEnd)) ?? [];
    const sizeBytes = Number(size);
    const end = headEnd + 1 + (oid === undefined || request.verb === "info" ? 0 : sizeBytes + 1);
    if (bytes.length < end) {
      this.#neededBytes = end;
      return 0;
    }
    this.#pending.shift();
    if (oid === undefined || type === undefined) {
      request.resolve(undefined);
      return end;
    }
    // A copy: the chunk may be much larger than the object that is kept.
    const data = request.verb === "info" ? EMPTY : Buffer.from(bytes.subarray(headEnd + 1, end - 1));
    request.resolve({ oid, type, sizeBytes, data });
    return end;
  }

  /** git dies of a damaged object; the others that wait have nothing to do with it and are asked for again. */
  #restart(end: ChildEnd): void {
    this.#chunks = [];
    this.#bufferedBytes = 0;
    this.#neededBytes = 0;
    const first = this.#pending[0];
    if (first !== undefined && ++first.deaths >= DEATHS_MAX) {
      this.#pending.shift();
      first.reject(new Error(`Could not read ${first.name}: ${end.stderr || String(end.signal)}`));
    }
    for (const request of this.#pending) this.#child.write(`${request.verb} ${request.name}\n`);
  }
}
