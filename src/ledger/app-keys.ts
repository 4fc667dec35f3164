/** The private keys of an app's config vars: `keys/<app>.keys`, JSON, 0600, outside the repository. The newest key
 *  encrypts; older ones stay for ever, since a rollback may reach behind a change of keys. */
import { dirname } from "node:path";
import { AppError } from "../core/error.ts";
import { formatJson } from "../core/json.ts";
import { createDurably, readIfThere, syncDirectory, writeDurably } from "./durable-file.ts";
import { newPrivateKey, publicKeyOf } from "./ecies.ts";

export interface AppKeys {
  /** Of the newest private key. */
  publicKey: string;
  /** Newest first, never empty. */
  privateKeys: readonly string[];
}

const PRIVATE_KEY = /^[0-9a-f]{64}$/;

/** Makes an app's keys; keys that are there already, as after a `create` that was killed, are kept. */
export async function createAppKeys(path: string): Promise<AppKeys> {
  await createDurably(path, formatJson({ privateKeys: [newPrivateKey()] }), 0o600);
  return loadAppKeys(path);
}

/** @throws AppError unavailable when the file is missing or is no key file. */
export async function loadAppKeys(path: string): Promise<AppKeys> {
  return parseAppKeys(await readKeyFile(path));
}

/** @throws AppError unavailable when the text is none of a key file. */
export function parseAppKeys(text: string): AppKeys {
  const privateKeys = parseKeys(text);
  const newest = privateKeys[0];
  if (newest === undefined || !privateKeys.every((key) => PRIVATE_KEY.test(key))) {
    throw new AppError("unavailable", "The app's key file cannot be read.", { hint: "Restore it from a backup." });
  }
  return { publicKey: publicKeyOf(newest), privateKeys };
}

/** Puts a new key in front of the file's keys and of those that the caller knows. When this resolves the key is on disk,
 *  also after a power failure: what is encrypted for it from now on can be read.
 *  @throws AppError unavailable when the file is missing or is no key file; then it stays as it is. */
export async function addAppKey(path: string, known: AppKeys): Promise<AppKeys> {
  const privateKey = newPrivateKey();
  const { privateKeys } = await loadAppKeys(path);
  const all = [...new Set([privateKey, ...privateKeys, ...known.privateKeys])];
  await writeDurably(path, formatJson({ privateKeys: all }), 0o600);
  await syncDirectory(dirname(path));
  return { publicKey: publicKeyOf(privateKey), privateKeys: all };
}

/** In the same order. */
export function configPublicKeys(privateKeys: readonly string[]): string[] {
  return privateKeys.map(publicKeyOf);
}

async function readKeyFile(path: string): Promise<string> {
  const text = await readIfThere(path);
  if (text !== undefined) return text;
  throw new AppError("unavailable", "The app's key file is missing, so its config vars cannot be read.", {
    hint: "Restore it from a backup.",
  });
}

function parseKeys(text: string): string[] {
  try {
    const { privateKeys } = JSON.parse(text) as { privateKeys?: unknown };
    return Array.isArray(privateKeys) ? privateKeys.map(String) : [];
  } catch {
    // The parser's message would quote the file.
    return [];
  }
}
