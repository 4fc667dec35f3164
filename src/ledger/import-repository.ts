/** Brings what another repository has, objects and refs, into an empty one of ours: out of a git bundle or a mirror clone
 *  of an app. git checks each object on the way in, and that none is missing; all bytes pass through this process, so
 *  no git goes on without it. */
import { mkdir, open, rm, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable, Transform } from "node:stream";
import { AppError } from "../core/error.ts";
import { parseBundleHead, type BundleHead, type Refs } from "./bundle-format.ts";
import { syncDirectory } from "./durable-file.ts";
import type { Repository } from "./git-process.ts";
import { GitFailed, streamGit } from "./git-stream.ts";
import { PACK_ARGUMENTS, packTips } from "./pack-arguments.ts";
import { readRefs, REPLACEMENTS } from "./read-refs.ts";

export interface BundleSource {
  /** Of the file that the bundle is, or is a part of. */
  path: string;
  offset: number;
  bytes: number;
}

export interface ImportIo {
  /** From 0 to 1. */
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

/** Thousands of tags need less. */
const HEAD_BYTES_MAX = 16 * 1024 * 1024;
const HEAD_BYTES_USUAL = 64 * 1024;
const OID = /^[0-9a-f]{40}$/;

/** @throws AppError invalid_params when the bundle is damaged, cut short, or has refs that no app has. */
export async function importBundle(into: Repository, source: BundleSource, io: ImportIo): Promise<void> {
  const file = await open(source.path, "r");
  try {
    const { refs, packAt } = await readHead(file, source);
    const [start, end] = [source.offset + packAt, source.offset + source.bytes];
    // A stream of no bytes would read the whole file.
    if (start >= end) throw damaged("it has no objects");
    const pack = file.createReadStream({ start, end: end - 1, autoClose: false });
    const counted = counter(end - start, io.onProgress);
    pack.once("error", (error) => counted.destroy(error)).pipe(counted);
    await storeAll(into, refs, (args) => streamGit(into, args, { stdin: counted, signal: io.signal }), io);
  } finally {
    await file.close();
  }
}

/** The mirror's own configuration is not read: its objects are borrowed by a repository of ours that packs them.
 *  @throws AppError invalid_params when there is no repository, or one that lacks objects. */
export async function importMirror(into: Repository, path: string, io: ImportIo): Promise<void> {
  const refs = await mirrorRefs({ ...into, path });
  const borrower = { ...into, path: join(into.path, "borrower") };
  await mkdir(join(borrower.path, "refs"), { recursive: true });
  await mkdir(join(borrower.path, "objects", "info"), { recursive: true });
  await writeFile(join(borrower.path, "HEAD"), "ref: refs/heads/main\n");
  await writeFile(join(borrower.path, "objects", "info", "alternates"), `${JSON.stringify(join(path, "objects"))}\n`);
  const { signal } = io;
  await storeAll(
    into,
    refs,
    async (args) => {
      const pack = new PassThrough();
      const both = [
        streamGit(borrower, PACK_ARGUMENTS, { stdin: packTips(refs), stdout: pack, signal }),
        streamGit(into, args, { stdin: pack, signal }),
      ];
      try {
        // The first to fail is the one that knows why.
        await Promise.all(both);
      } finally {
        await Promise.allSettled(both);
      }
    },
    io,
  );
  await rm(borrower.path, { recursive: true });
}

async function mirrorRefs(mirror: Repository): Promise<Refs> {
  try {
    return await readRefs(mirror);
  } catch (error) {
    throw new AppError("invalid_params", `${mirror.path} is no bare git repository.`, {
      hint: "Give a mirror clone of an app: git clone --mirror ADDRESS",
      cause: error,
    });
  }
}

/** @param indexPack runs git with these arguments and the pack as its input. */
async function storeAll(
  into: Repository,
  refs: Refs,
  indexPack: (args: readonly string[]) => Promise<void>,
  { signal }: ImportIo,
): Promise<void> {
  checkRefs(refs);
  try {
    // Strict: each object is sound, and each that it names is there.
    await indexPack(["index-pack", "--stdin", "--strict"]);
    await createRefs(into, refs, signal);
  } catch (error) {
    if (error instanceof GitFailed) throw damaged(lastWords(error.message), error);
    throw error;
  }
  await syncDirectory(join(into.path, "objects", "pack"));
}

async function readHead(file: FileHandle, { offset, bytes }: BundleSource): Promise<BundleHead> {
  for (let size = HEAD_BYTES_USUAL; size <= HEAD_BYTES_MAX; size *= 16) {
    const buffer = Buffer.alloc(Math.min(size, bytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    const head = parseBundleHead(buffer.subarray(0, bytesRead));
    if (head !== undefined) return head;
    if (bytesRead < size) break;
  }
  throw damaged("its list of refs does not end");
}

function checkRefs(refs: Refs): void {
  for (const [name, oid] of refs) {
    if (!OID.test(oid)) throw damaged("its objects are not named by SHA-1");
    if (name.startsWith("refs/") && !name.startsWith(REPLACEMENTS)) continue;
    throw new AppError("invalid_params", `The repository has a ref ${JSON.stringify(name.slice(0, 100))}.`, {
      hint: "No app has such a ref: whoever made this file, the platform did not.",
    });
  }
}

function counter(total: number, onProgress: (share: number) => void): Transform {
  let done = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      onProgress(done / total);
      next(null, chunk);
    },
  });
}

/** All of them or none; synced once they are in one file. */
async function createRefs(into: Repository, refs: Refs, signal: AbortSignal): Promise<void> {
  const lines = [...refs].map(([name, oid]) => `create ${name} ${oid}\n`);
  const unsynced = ["-c", "core.fsync=none"];
  await streamGit(into, [...unsynced, "update-ref", "--stdin"], { stdin: Readable.from([lines.join("")]), signal });
  await streamGit(into, ["pack-refs", "--all"], { signal });
}

function damaged(reason: string, cause?: unknown): AppError {
  return new AppError("invalid_params", `The repository is damaged: ${reason}.`, {
    hint: "Nothing was restored. Use another copy of the backup.",
    cause,
  });
}

/** git says what is wrong in the line before the one that says that it gives up. */
function lastWords(text: string): string {
  return text.trim().split("\n").slice(-2).join(", ").slice(0, 300).replace(/\.$/, "");
}
