/** Reads objects for an audit through one `git cat-file --batch`, many at a time, and believes only what has the id that
 *  was asked for. Nothing of the machine's or the clone's tricks counts: no replaced objects, no grafts, no commit-graph,
 *  no fetching of what is missing. An object that is too large is passed over without being held. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash } from "node:crypto";
import { AppError } from "../core/error.ts";
import type { Flaw } from "../core/finding.ts";

export interface Place {
  /** The repository's own directory: `…/foobaz.git`, or a clone's `.git`. */
  gitDir: string;
  /** PATH, for git. */
  path: string;
  signal: AbortSignal;
}

export interface FoundObject {
  type: string;
  data: Uint8Array;
}

interface Request {
  oid: string;
  resolve(found: FoundObject | Flaw): void;
  reject(error: unknown): void;
}

/** Far above any file of a ledger: config vars have 64 KiB before they are encrypted. */
const OBJECT_BYTES_MAX = 16 * 1024 * 1024;
const NEWLINE = 10;
const HEAD = /^[0-9a-f]{40} ([a-z]+) ([0-9]+)$/;

export class ObjectSource {
  readonly #place: Place;
  #child: ChildProcessWithoutNullStreams | undefined;
  #unsent = "";
  /** Not answered yet, oldest first. */
  #pending: Request[] = [];
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  /** How many bytes must be there before looking again is worth while. */
  #neededBytes = 0;
  /** What is left of an object that is too large. */
  #bytesToSkip = 0;
  #closed: Promise<unknown> = Promise.resolve();

  constructor(place: Place) {
    this.#place = place;
  }

  read(oid: string): Promise<FoundObject | Flaw> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ oid, resolve, reject });
      // Many are asked for in one turn: one write for all of them.
      if (this.#unsent === "") queueMicrotask(() => this.#send());
      this.#unsent += `${oid}\n`;
    });
  }

  #send(): void {
    this.#child ??= this.#start();
    this.#child.stdin.write(this.#unsent);
    this.#unsent = "";
  }

  /** Resolves when git is gone. */
  async close(): Promise<void> {
    this.#child?.stdin.end();
    await this.#closed;
  }

  #start(): ChildProcessWithoutNullStreams {
    const { gitDir, path, signal } = this.#place;
    const child = spawn("git", [`--git-dir=${gitDir}`, "-c", "core.commitGraph=false", "cat-file", "--batch"], {
      cwd: "/",
      env: environment(path),
      signal,
      killSignal: "SIGKILL",
    });
    child.stdout.on("data", (chunk: Buffer) => this.#take(chunk));
    child.stderr.resume();
    // A write to a process that is just dying; its end is told below.
    child.stdin.on("error", () => undefined);
    this.#closed = new Promise<void>((resolve) => {
      child.once("error", (error) => this.#fail(explain(error)));
      child.once("close", () => {
        resolve();
        this.#restart();
      });
    });
    return child;
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes < this.#neededBytes) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let at = 0;
    for (let used = -1; used !== 0 && at < bytes.length; at += used) {
      this.#neededBytes = 0;
      used = this.#skip(bytes.length - at) || this.#answer(bytes.subarray(at));
    }
    this.#chunks = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#bufferedBytes = bytes.length - at;
  }

  #skip(available: number): number {
    const skipped = Math.min(available, this.#bytesToSkip);
    this.#bytesToSkip -= skipped;
    return skipped;
  }

  /** Settles the oldest request if all of its answer is there; returns how many bytes that took, else 0. */
  #answer(bytes: Buffer): number {
    const request = this.#pending[0];
    const headEnd = bytes.indexOf(NEWLINE);
    if (request === undefined || headEnd < 0) return 0;
    const start = headEnd + 1;
    const [, type = "", size] = HEAD.exec(bytes.toString("latin1", 0, headEnd)) ?? [];
    if (size === undefined) return this.#settle(request, flaw("object-missing", request.oid, "is not here"), start);
    const sizeBytes = Number(size);
    if (sizeBytes > OBJECT_BYTES_MAX) {
      this.#bytesToSkip = sizeBytes + 1;
      return this.#settle(request, flaw("object-large", request.oid, `has ${size} bytes`), start);
    }
    const end = start + sizeBytes + 1;
    if (bytes.length < end) {
      this.#neededBytes = end;
      return 0;
    }
    const data = bytes.subarray(start, end - 1);
    const isTrue = idOf(type, data) === request.oid;
    return this.#settle(request, isTrue ? { type, data } : flaw("object-damaged", request.oid, "is damaged"), end);
  }

  #settle(request: Request, found: FoundObject | Flaw, used: number): number {
    this.#pending.shift();
    request.resolve(found);
    return used;
  }

  /** git dies of some damaged objects; the others that wait have nothing to do with it and are asked for again. */
  #restart(): void {
    this.#child = undefined;
    this.#chunks = [];
    this.#bufferedBytes = this.#neededBytes = this.#bytesToSkip = 0;
    const first = this.#pending[0];
    if (first === undefined) return;
    this.#settle(first, flaw("object-damaged", first.oid, "cannot be read"), 0);
    this.#unsent = this.#pending.map(({ oid }) => `${oid}\n`).join("");
    if (this.#unsent !== "") this.#send();
  }

  #fail(error: unknown): void {
    const failed = this.#pending;
    this.#pending = [];
    for (const request of failed) request.reject(error);
  }
}

function environment(path: string): Record<string, string> {
  return {
    PATH: path,
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_GRAFT_FILE: "/dev/null",
    // What a filtered clone left out stays missing: newer git knows the first, all know the second.
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: "none",
  };
}

function idOf(type: string, data: Uint8Array): string {
  return createHash("sha1")
    .update(`${type} ${String(data.length)}\0`)
    .update(data)
    .digest("hex");
}

function flaw(kind: "object-missing" | "object-damaged" | "object-large", oid: string, what: string): Flaw {
  return { kind, reason: `its object ${oid.slice(0, 12)} ${what}` };
}

function explain(error: Error): unknown {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error;
  return new AppError("unavailable", "The program `git` was not found.", {
    hint: "Install git 2.36 or newer and make sure that it is on PATH.",
    cause: error,
  });
}
