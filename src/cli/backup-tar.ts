/** The tar of a backup as a reader must take it: three plain files of known names in a fixed order, and nothing else.
 *  Nothing is ever unpacked to where a name in the tar says. */
import type { Header } from "tar";
import {
  BUNDLE_ENTRY,
  FACTS_ENTRY,
  parseBackupFacts,
  PLAIN_KEYS_ENTRY,
  SEALED_KEYS_ENTRY,
  type BackupFacts,
} from "../core/backup.ts";
import { AppError } from "../core/error.ts";
import type { ByteReader } from "./byte-reader.ts";

export interface BackupStart {
  facts: BackupFacts;
  /** `backup.json` as it is, head and padding too. */
  factsEntry: Buffer;
  keys: { name: string; data: Buffer };
  /** The head of `repo.bundle`, behind which it begins. */
  bundleHead: Buffer;
  bundleBytes: number;
}

const BLOCK = 512;
const MODE = 0o600;
/** Two blocks of zeros end a tar; programs fill up to a record. */
export const END_BYTES_MIN = 2 * BLOCK;
export const END_BYTES_MAX = 40 * BLOCK;
/** Config keys and a ledger key are a few hundred bytes each. */
const SMALL_BYTES_MAX = 1024 * 1024;

const PLAIN_FILE: ReadonlySet<string> = new Set(["File", "OldFile"]);

/** Reads as far as the beginning of the bundle.
 *  @throws AppError invalid_params */
export async function readBackupStart(bytes: ByteReader): Promise<BackupStart> {
  const facts = await takeSmall(bytes, [FACTS_ENTRY]);
  const parsed = parseBackupFacts(facts.data.toString("utf8"));
  const keys = await takeSmall(bytes, [SEALED_KEYS_ENTRY, PLAIN_KEYS_ENTRY]);
  const bundle = await takeHead(bytes, [BUNDLE_ENTRY]);
  return {
    facts: parsed,
    factsEntry: Buffer.concat([facts.block, facts.data, padding(facts.data.length)]),
    keys: { name: keys.name, data: keys.data },
    bundleHead: bundle.block,
    bundleBytes: bundle.size,
  };
}

/** One small file, ready to stand in a tar. */
export async function formatEntry(name: string, data: Uint8Array, modifiedAt: Date): Promise<Buffer> {
  const { Header } = await import("tar");
  const block = Buffer.alloc(BLOCK);
  new Header({ path: name, size: data.length, mode: MODE, mtime: modifiedAt, type: "File" }).encode(block, 0);
  return Buffer.concat([block, data, padding(data.length)]);
}

export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

export function noBackup(reason: string): AppError {
  return new AppError("invalid_params", `This is no backup that can be restored: ${reason}.`, {
    hint: "Nothing was restored. `git heroku help restore` says what can be.",
  });
}

interface Entry {
  name: string;
  size: number;
  block: Buffer;
}

async function takeSmall(bytes: ByteReader, names: readonly string[]): Promise<Entry & { data: Buffer }> {
  const entry = await takeHead(bytes, names);
  if (entry.size > SMALL_BYTES_MAX) throw noBackup(`${entry.name} is too large`);
  const data = await bytes.take(entry.size);
  const filler = await bytes.take(padding(entry.size).length);
  if (data.length < entry.size || filler.length < padding(entry.size).length) throw noBackup("it is cut short");
  return { ...entry, data };
}

async function takeHead(bytes: ByteReader, names: readonly string[]): Promise<Entry> {
  const { Header } = await import("tar");
  const block = await bytes.take(BLOCK);
  const isFirst = bytes.position <= BLOCK;
  if (block.length < BLOCK) throw noBackup(isFirst ? "it is no tar" : "it is cut short");
  const head = parseHead(Header, block);
  if (head?.cksumValid !== true) throw noBackup(isFirst ? "it is no tar" : "an entry of it is damaged");
  return { ...checkHead(head, names), block };
}

/** Undefined for a number that is none: the library throws at it before it looks at the checksum. */
function parseHead(HeaderOf: typeof Header, block: Buffer): Header | undefined {
  try {
    return new HeaderOf(block, 0);
  } catch {
    return undefined;
  }
}

function checkHead({ path = "", type, size = -1 }: Header, names: readonly string[]): { name: string; size: number } {
  const name = names.find((one) => one === path);
  if (name === undefined) {
    throw noBackup(`it has ${JSON.stringify(path.slice(0, 100))} where ${names.join(" or ")} should be`);
  }
  if (!PLAIN_FILE.has(type)) throw noBackup(`its ${name} is no plain file`);
  if (!Number.isSafeInteger(size) || size < 0) throw noBackup(`its ${name} has no size`);
  return { name, size };
}
