/** The files of a tar as a tree of the repository: each goes from the archive straight into git, and no file is ever
 *  unpacked to where a name in the archive says. */
import { randomUUID } from "node:crypto";
import { on } from "node:events";
import { open } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { ReadEntry } from "tar";
import { AppError } from "../core/error.ts";
import type { Repository } from "./git-process.ts";
import { streamGit } from "./git-stream.ts";

/** Of all files together, so that a small archive cannot fill the disk. */
const BYTES_MAX = 2 * 1024 ** 3;
const FILES_MAX = 200_000;
const NO_OBJECT = "0".repeat(40);
/** Only the tree of the commit is ever used. */
const NOBODY = "git-heroku <platform@git-heroku> 0 +0000";
/** RFC 1952, 2.3.1. */
const GZIP = Buffer.of(0x1f, 0x8b);
const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);

/** @param path a tar, gzipped or not; where all is in one directory, as in the archives that GitHub makes, its contents count
 *  @returns the id of a commit that nothing refers to, whose tree has the files
 *  @throws AppError invalid_params for what is no such archive, or has too much in it */
export async function readArchive(repository: Repository, path: string, signal: AbortSignal): Promise<string> {
  let fault: unknown;
  let answer = "";
  const stdout = new Writable({
    write: (bytes: Buffer, _encoding, done) => {
      answer += bytes.toString();
      done();
    },
  });
  async function* commands(): AsyncGenerator<string | Buffer, void, undefined> {
    try {
      yield* importCommands(path);
    } catch (error) {
      fault = error instanceof AppError ? error : noArchive(error);
      throw fault;
    }
  }
  try {
    const stdin = Readable.from(commands(), { objectMode: false });
    await streamGit(repository, ["fast-import", "--quiet"], { stdin, stdout, signal });
  } catch (error) {
    // git sees only that its input breaks off.
    throw fault ?? error;
  }
  return answer.trim();
}

const TEXT_BYTES_MAX = 1024 * 1024;

/** The text of a file of the root, undefined where there is none of that name.
 *  @throws AppError invalid_params for what is no archive of code */
export async function textInArchive(path: string, name: string): Promise<string | undefined> {
  try {
    return await findText(path, name);
  } catch (error) {
    throw error instanceof AppError ? error : noArchive(error);
  }
}

async function findText(path: string, name: string): Promise<string | undefined> {
  const contents = new Contents();
  const texts = new Map<string, string>();
  for await (const entry of entriesOf(path)) {
    const names = entry.type === "Directory" ? undefined : namesIn(entry.path);
    if (names !== undefined) contents.count(names, entry.size);
    if (names !== undefined && isText(entry, names, name)) {
      texts.set(names.join("/"), Buffer.concat(await entry.collect()).toString("utf8"));
    } else entry.resume();
  }
  const top = contents.loneDirectory();
  return texts.get(top === undefined ? name : `${top}/${name}`);
}

/** In the root, or in what may be the directory of all. */
function isText({ type, size }: ReadEntry, names: readonly string[], name: string): boolean {
  return names.at(-1) === name && names.length <= 2 && FILES.has(type) && size <= TEXT_BYTES_MAX;
}

/** git-fast-import(1): one commit on a branch that is gone again at the end. */
async function* importCommands(path: string): AsyncGenerator<string | Buffer, void, undefined> {
  const ref = `refs/heroku/archives/${randomUUID()}`;
  yield `feature done\ncommit ${ref}\nmark :1\nauthor ${NOBODY}\ncommitter ${NOBODY}\ndata 0\n\n`;
  const contents = new Contents();
  for await (const entry of entriesOf(path)) {
    const names = entry.type === "Directory" ? undefined : namesIn(entry.path);
    if (names === undefined) {
      entry.resume();
      continue;
    }
    contents.count(names, entry.size);
    yield* fileCommands(entry, names);
  }
  const top = contents.loneDirectory();
  if (top !== undefined) yield `R ${quote([top])} ""\n`;
  yield `\nget-mark :1\nreset ${ref}\nfrom ${NO_OBJECT}\n\ndone\n`;
}

/** What there was so far. */
class Contents {
  /** Directly in the root. */
  readonly #names = new Set<string>();
  #files = 0;
  #bytes = 0;
  #isNested = true;

  /** @throws AppError invalid_params when it is too much */
  count(names: readonly string[], bytes: number): void {
    this.#files += 1;
    this.#bytes += bytes;
    if (this.#files > FILES_MAX || this.#bytes > BYTES_MAX) throw tooMuch();
    this.#names.add(names[0] ?? "");
    this.#isNested &&= names.length > 1;
  }

  /** The one that has all files.
   *  @throws AppError invalid_params when there are none */
  loneDirectory(): string | undefined {
    const [first, second] = this.#names;
    if (first === undefined) throw new AppError("invalid_params", "The archive has no files.");
    return this.#isNested && second === undefined ? first : undefined;
  }
}

async function* entriesOf(path: string): AsyncGenerator<ReadEntry, void, undefined> {
  // A daemon may never be given an archive.
  const { Parser } = await import("tar");
  const parser = new Parser({ strict: true });
  const entries = on(parser, "entry", { close: ["end"] });
  let current: ReadEntry | undefined;
  const fail = (error: Error): void => {
    // Whoever reads a file of it would wait for ever.
    current?.destroy(error);
    parser.emit("error", error);
  };
  const stream = (await open(path)).createReadStream();
  const tar = (await isGzipped(path)) ? stream.pipe(createGunzip()) : stream;
  for (const one of new Set([stream, tar])) one.on("error", fail);
  tar.pipe(parser);
  try {
    for await (const [entry] of entries) yield (current = entry as ReadEntry);
  } finally {
    stream.destroy();
    tar.destroy();
  }
}

async function isGzipped(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(GZIP.length), 0, GZIP.length, 0);
    return buffer.equals(GZIP);
  } finally {
    await file.close();
  }
}

async function* fileCommands(entry: ReadEntry, names: readonly string[]): AsyncGenerator<string | Buffer, void> {
  if (entry.type === "SymbolicLink") yield* link(entry, names);
  else if (entry.type === "Link") yield* copy(entry, names);
  else if (FILES.has(entry.type)) {
    const mode = ((entry.mode ?? 0) & 0o100) === 0 ? "100644" : "100755";
    yield `M ${mode} inline ${quote(names)}\ndata ${String(entry.size)}\n`;
    for await (const bytes of entry) yield bytes;
    yield "\n";
  } else {
    throw new AppError("invalid_params", `${entry.path.slice(0, 200)} in the archive is no file: ${entry.type}.`);
  }
}

function* link(entry: ReadEntry, names: readonly string[]): Generator<string | Buffer, void> {
  const target = Buffer.from(entry.linkpath ?? "");
  entry.resume();
  yield `M 120000 inline ${quote(names)}\ndata ${String(target.length)}\n`;
  yield target;
  yield "\n";
}

/** A hard link: another name of a file that came before it. */
function* copy(entry: ReadEntry, names: readonly string[]): Generator<string, void> {
  const source = namesIn(entry.linkpath ?? "");
  entry.resume();
  if (source !== undefined) yield `C ${quote(source)} ${quote(names)}\n`;
}

/** Undefined for the archive's root, and for a repository inside, which is no code.
 *  @throws AppError invalid_params for a path that leads out of the archive */
function namesIn(path: string): string[] | undefined {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..") || path.includes("\0")) {
    throw new AppError("invalid_params", `${JSON.stringify(path.slice(0, 200))} leads out of the archive.`);
  }
  return names.length === 0 || names.some((name) => name.toLowerCase() === ".git") ? undefined : names;
}

function quote(names: readonly string[]): string {
  return `"${names.join("/").replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

function noArchive(cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message.replace(/^TAR_[A-Z_]+: /, "") : "it cannot be read";
  return new AppError("invalid_params", `That is no tar archive: ${why.slice(0, 200)}.`, {
    hint: "Make one with `tar czf code.tar.gz .` or `git archive --format=tar.gz HEAD`.",
    cause,
  });
}

function tooMuch(): AppError {
  return new AppError("invalid_params", "There is too much in the archive.", {
    hint: `It may have ${String(FILES_MAX)} files, and unpacked ${String(BYTES_MAX / 1024 ** 3)} GB.`,
  });
}
