/** Loose objects: which are there whole, and how one is written so that it is never there in part. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deflate, deflateSync, inflate } from "node:zlib";
import { writeDurably } from "./durable-file.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { ObjectReader } from "./object-reader.ts";

export const pack = promisify(deflate) as (data: Uint8Array, options: { level: number }) => Promise<Buffer>;
const unpack = promisify(inflate) as (data: Uint8Array) => Promise<Buffer>;

/** Compressing this little takes less time than asking the thread pool to. */
const SMALL_BYTES = 16 * 1024;
const KNOWN_MAX = 4000;
const DIRECTORY_TRIES_MAX = 100;

export class LooseObjects {
  /** Seen whole by this process, or written by it. */
  readonly #known = new RecentMap<string, true>(KNOWN_MAX);
  readonly #repositoryPath: string;
  readonly #reader: ObjectReader;

  constructor(repositoryPath: string, reader: ObjectReader) {
    this.#repositoryPath = repositoryPath;
    this.#reader = reader;
  }

  /** A loose object that was cut short must be written again, not trusted because its name is there; git has checked
   *  the packs when they came in. */
  async has(oid: string): Promise<boolean> {
    if (this.#known.get(oid) === true) return true;
    const isWhole = await this.#isWhole(oid);
    if (isWhole) this.#known.set(oid, true);
    return isWhole;
  }

  async #isWhole(oid: string): Promise<boolean> {
    if ((await this.#reader.info(oid)) === undefined) return false;
    try {
      const bytes = await unpack(await readFile(this.#path(oid)));
      return createHash("sha1").update(bytes).digest("hex") === oid;
    } catch (error) {
      return isNoEntry(error);
    }
  }

  /** Stores what is compressed already. */
  async store(oid: string, compressed: Uint8Array): Promise<void> {
    const path = this.#path(oid);
    // A git that packs removes directories that it has emptied, also one that was just made.
    for (let attempt = 1; !(await this.#tryStore(path, compressed)); attempt += 1) {
      if (attempt === DIRECTORY_TRIES_MAX) throw new Error(`${dirname(path)} is removed again and again.`);
      await mkdir(dirname(path), { recursive: true });
    }
    this.#known.set(oid, true);
  }

  /** Returns false when the directory is missing. */
  async #tryStore(path: string, compressed: Uint8Array): Promise<boolean> {
    try {
      await writeDurably(path, compressed, 0o444);
      return true;
    } catch (error) {
      if (isNoEntry(error)) return false;
      throw error;
    }
  }

  /** Begins to write an object, whose id is known at once. */
  put(type: "blob" | "commit", text: string): { oid: string; written: Promise<void> } {
    const data = Buffer.from(text);
    const bytes = Buffer.concat([Buffer.from(`${type} ${String(data.length)}\0`), data]);
    const oid = createHash("sha1").update(bytes).digest("hex");
    return { oid, written: this.#putNew(oid, bytes, type) };
  }

  /** A commit has a time and a signature of its own: nobody has written it before. */
  async #putNew(oid: string, bytes: Buffer, type: "blob" | "commit"): Promise<void> {
    if (type === "blob" && (await this.has(oid))) return;
    const isSmall = bytes.length <= SMALL_BYTES;
    await this.store(oid, isSmall ? deflateSync(bytes, { level: 1 }) : await pack(bytes, { level: 1 }));
  }

  #path(oid: string): string {
    return join(this.#repositoryPath, "objects", oid.slice(0, 2), oid.slice(2));
  }
}

function isNoEntry(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
