/** Answers to changes, for those who ask again because they did not hear them: in `access/requests`, so that a daemon that
 *  starts knows what the one before has done (docs/formats.md, "Requests"). An answer may have secrets in it; only whoever can
 *  repeat the request, with its token and its id, can read it. A file that cannot be written or read costs this memory, no
 *  more. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { Clock } from "../core/clock.ts";

/** A client that tries again does so within seconds. */
export const ANSWERS_KEPT_MS = 5 * 60_000;
const FILE_BYTES_MAX = 8 * 1024 * 1024;
const ANSWER_BYTES_MAX = 256 * 1024;
const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** One line of the file. */
interface Entry {
  id: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** Encrypted; a line without is of a request that was begun. */
  answer?: string;
  /** It was not even begun: as if it had not come. */
  undone?: true;
}

export class AnsweredRequests {
  readonly #path: string;
  readonly #clock: Clock;
  /** What the daemon before has left, until it is old. */
  #before: ReadonlyMap<string, Entry> | undefined;
  #file: number | undefined;
  #writtenSince = 0;
  #bytes = 0;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** What the daemon before has answered: `begun` when nobody knows how that ended, undefined when it did not come.
   *  @param secret all that makes it this request, its token included */
  find(secret: string): string | undefined {
    const entry = this.#load().get(idOf(secret));
    if (entry === undefined || entry.undone === true || !this.#isFresh(entry)) return undefined;
    return entry.answer === undefined ? "begun" : decrypt(entry.answer, secret);
  }

  begin(secret: string): void {
    this.#write({ id: idOf(secret), at: this.#clock.now() });
  }

  /** @param answer undefined for one that cannot be given again */
  end(secret: string, answer: string | undefined): void {
    if (answer === undefined || answer.length > ANSWER_BYTES_MAX) return;
    this.#write({ id: idOf(secret), at: this.#clock.now(), answer: encrypt(answer, secret) });
  }

  undo(secret: string): void {
    this.#write({ id: idOf(secret), at: this.#clock.now(), undone: true });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #isFresh({ at }: Entry): boolean {
    return Math.abs(this.#clock.now() - at) < ANSWERS_KEPT_MS;
  }

  #load(): ReadonlyMap<string, Entry> {
    if (this.#before !== undefined) return this.#before;
    const newer = readEntries(this.#path);
    const fresh = [...readEntries(older(this.#path)), ...newer].filter((entry) => this.#isFresh(entry));
    this.#writtenSince = newer[0]?.at ?? 0;
    return (this.#before = new Map(fresh.map((entry) => [entry.id, entry])));
  }

  #write(entry: Entry): void {
    // What is there must have been read before anything is moved away.
    this.#load();
    try {
      const line = `${JSON.stringify(entry)}\n`;
      writeSync(this.#open(), line);
      this.#bytes += line.length;
    } catch {
      this.close();
    }
  }

  /** Two files, of which the older one has nothing that is still needed when the newer one takes its place. */
  #open(): number {
    const now = this.#clock.now();
    const isOver = now - this.#writtenSince > ANSWERS_KEPT_MS || this.#bytes > FILE_BYTES_MAX;
    if (this.#file !== undefined && !isOver) return this.#file;
    this.close();
    if (isOver) {
      if (existsSync(this.#path)) renameSync(this.#path, older(this.#path));
      [this.#writtenSince, this.#bytes] = [now, 0];
    }
    this.#file = openSync(this.#path, "a", 0o600);
    // Behind half a line of a daemon that was killed.
    writeSync(this.#file, "\n");
    return this.#file;
  }
}

function older(path: string): string {
  return `${path}.before`;
}

/** A last line may be half a line. */
function readEntries(path: string): Entry[] {
  try {
    return readFileSync(path, "utf8").split("\n").flatMap(parseEntry);
  } catch {
    return [];
  }
}

function parseEntry(line: string): Entry[] {
  try {
    const entry = JSON.parse(line) as Partial<Entry> | null;
    return typeof entry?.id === "string" && typeof entry.at === "number" ? [entry as Entry] : [];
  } catch {
    return [];
  }
}

function idOf(secret: string): string {
  return createHash("sha256").update(`id\0${secret}`).digest("base64url");
}

function keyOf(secret: string): Buffer {
  return createHash("sha256").update(`key\0${secret}`).digest();
}

function encrypt(text: string, secret: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(secret), nonce);
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
}

/** `begun` for what was damaged. */
function decrypt(answer: string, secret: string): string {
  try {
    const bytes = Buffer.from(answer, "base64");
    const decipher = createDecipheriv(CIPHER, keyOf(secret), bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
  } catch {
    return "begun";
  }
}
