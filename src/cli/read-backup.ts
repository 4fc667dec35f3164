/** What a person can restore from, looked at as far as that goes without the platform: a file of `backup`, a git bundle,
 *  or a mirror clone. Only names and sizes are read here, and keys opened; the platform reads the repository. */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { RestoreOrder } from "../api/resources.ts";
import { parseBackupKeys, SEALED_KEYS_ENTRY, type BackupKeys } from "../core/backup.ts";
import { AppError } from "../core/error.ts";
import { END_BYTES_MAX, END_BYTES_MIN, noBackup, padding, readBackupStart, type BackupStart } from "./backup-tar.ts";
import { ByteReader } from "./byte-reader.ts";
import type { Context } from "./command.ts";
import { findPassphrase } from "./passphrase.ts";
import { openKeys } from "./seal-keys.ts";

type Source = Omit<RestoreOrder, "name"> & { name: string };

/** @throws AppError when it cannot be restored; the platform was not asked for anything then. */
export async function readBackup(context: Context): Promise<Source> {
  const { world, args } = context;
  const path = resolve(world.cwd, args.words[0] ?? "");
  const found = await stat(path).catch((error: unknown) => {
    throw new AppError("not_found", `${path} cannot be read: ${reasonOf(error)}`, { cause: error });
  });
  const keyFile = args.value("keys");
  const keys = keyFile === undefined ? undefined : await readKeyFile(resolve(world.cwd, keyFile));
  if (found.isDirectory()) return { name: nameOf(path), path, keys: keys ?? noKeys("A mirror clone") };
  if (!found.isFile()) throw noBackup("it is no file");
  if (await isBundle(path)) return { name: nameOf(path), path, keys: keys ?? noKeys("A bundle") };
  return readTar(context, path, { sizeBytes: found.size, keys });
}

interface TarFacts {
  sizeBytes: number;
  /** Given by the person, instead of those in the backup. */
  keys: BackupKeys | undefined;
}

async function readTar(context: Context, path: string, { sizeBytes, keys }: TarFacts): Promise<Source> {
  const stream = createReadStream(path);
  try {
    const bytes = new ByteReader(stream as AsyncIterable<Buffer>);
    const start = await readBackupStart(bytes);
    const bundle = { offset: bytes.position, bytes: start.bundleBytes };
    await checkEnd(path, bundle.offset + bundle.bytes, sizeBytes);
    const { app, version, head } = start.facts;
    return {
      name: app,
      path,
      bundle,
      head: { version, oid: head },
      keys: keys ?? (await keysOf(context, start)),
    };
  } finally {
    stream.destroy();
  }
}

/** Behind the bundle there is nothing but zeros, and enough of them that nothing was cut off. */
async function checkEnd(path: string, bundleEnd: number, sizeBytes: number): Promise<void> {
  const end = bundleEnd + padding(bundleEnd).length;
  if (sizeBytes < end + END_BYTES_MIN) throw noBackup("it is cut short");
  if (sizeBytes > end + END_BYTES_MAX) throw noBackup("there is more behind its repository");
  for await (const chunk of createReadStream(path, { start: bundleEnd }) as AsyncIterable<Buffer>) {
    if (chunk.some((byte) => byte !== 0)) throw noBackup("there is more behind its repository");
  }
}

async function keysOf(context: Context, { keys }: BackupStart): Promise<BackupKeys> {
  if (keys.name !== SEALED_KEYS_ENTRY) return parseBackupKeys(keys.data.toString("utf8"), keys.name);
  const passphrase = await findPassphrase(context, 1);
  context.out.progress("Opening the keys...");
  try {
    return parseBackupKeys(await openKeys(keys.data, passphrase), keys.name);
  } finally {
    context.out.progress();
  }
}

async function readKeyFile(path: string): Promise<BackupKeys> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new AppError("not_found", `The keys cannot be read: ${reasonOf(error)}`, { cause: error });
  });
  return parseBackupKeys(text, basename(path));
}

function noKeys(what: string): never {
  throw new AppError("invalid_params", `${what} holds no keys, and without them nobody can read the config vars.`, {
    hint: "Add --keys FILE: keys/APP.keys of the platform it comes from, or keys.json out of a backup.",
  });
}

async function isBundle(path: string): Promise<boolean> {
  const magic = "# v2 git bundle\n";
  const start = await new ByteReader(createReadStream(path, { end: magic.length - 1 }) as AsyncIterable<Buffer>).take(
    magic.length,
  );
  return /^# v[0-9] git bundle\n$/.test(start.toString("latin1"));
}

/** `foobaz.git` and `foobaz.bundle` are of foobaz. */
function nameOf(path: string): string {
  return basename(path).replace(/\.[a-z]+$/, "");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
