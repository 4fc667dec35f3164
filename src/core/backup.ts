/** What a backup file says of itself, and the keys in it (docs/formats.md, "Backup"). */
import { isAppName, type AppName } from "./app-name.ts";
import { AppError } from "./error.ts";
import { formatJson, type Json } from "./json.ts";

/** Raised when an older program could no longer understand what a newer one wrote. */
export const BACKUP_FORMAT = 1;

/** The entries of the file, in this order; one of the two with keys. */
export const FACTS_ENTRY = "backup.json";
export const SEALED_KEYS_ENTRY = "keys.age";
export const PLAIN_KEYS_ENTRY = "keys.json";
export const BUNDLE_ENTRY = "repo.bundle";

/** No secrets: whoever finds the file may read it. */
export interface BackupFacts {
  app: AppName;
  /** Stays the same wherever the app moves. */
  id: string;
  /** Of the newest release. */
  version: number;
  head: string;
  /** ISO 8601. */
  createdAt: string;
  /** Public keys, newest first. */
  configKeys: readonly string[];
  /** Fingerprint of the key that signs the ledger. */
  ledgerKey: string | undefined;
}

export interface BackupKeys {
  /** The app's key file, as it is. */
  config: { readonly [key: string]: Json };
  /** The private key that signs the ledger, PEM; absent when the platform did not have it. */
  ledger?: string | undefined;
}

type JsonObject = Readonly<Record<string, unknown>>;

export function formatBackupFacts({ configKeys, ledgerKey, ...facts }: BackupFacts): string {
  const keys = ledgerKey === undefined ? { config: configKeys } : { config: configKeys, ledger: ledgerKey };
  return formatJson({ ...facts, format: BACKUP_FORMAT, keys });
}

/** @throws AppError invalid_params, also for a format that a newer version wrote. */
export function parseBackupFacts(text: string): BackupFacts {
  const facts = parseObject(text, FACTS_ENTRY);
  if (typeof facts["format"] === "number" && facts["format"] > BACKUP_FORMAT) {
    throw new AppError(
      "invalid_params",
      `The backup was written by a newer version of git-heroku (format ${String(facts["format"])}).`,
      { hint: "Upgrade git-heroku, then restore it." },
    );
  }
  if (facts["format"] !== BACKUP_FORMAT) throw unreadable(FACTS_ENTRY);
  const { app, version, head } = parseHead(facts);
  const keys = isObject(facts["keys"]) ? facts["keys"] : {};
  return {
    app,
    id: String(facts["id"]),
    version,
    head,
    createdAt: String(facts["createdAt"]),
    configKeys: Array.isArray(keys["config"]) ? keys["config"].map(String) : [],
    ledgerKey: typeof keys["ledger"] === "string" ? keys["ledger"] : undefined,
  };
}

/** What a restore relies upon. */
function parseHead({ app, version, head }: JsonObject): Pick<BackupFacts, "app" | "version" | "head"> {
  if (
    typeof app === "string" &&
    isAppName(app) &&
    typeof version === "number" &&
    typeof head === "string" &&
    /^[0-9a-f]{40}$/.test(head)
  ) {
    return { app, version, head };
  }
  throw unreadable(FACTS_ENTRY);
}

export function formatBackupKeys({ config, ledger }: BackupKeys): string {
  return formatJson(ledger === undefined ? { config } : { config, ledger });
}

/** Reads `keys.json`, or an app's key file alone.
 *  @throws AppError invalid_params; nothing of the text is told. */
export function parseBackupKeys(text: string, name: string): BackupKeys {
  const keys = parseObject(text, name);
  const config = isObject(keys["config"]) ? keys["config"] : keys;
  const { ledger } = keys;
  if (!Array.isArray(config["privateKeys"]) || (ledger !== undefined && typeof ledger !== "string")) {
    throw unreadable(name);
  }
  return { config: config as BackupKeys["config"], ledger };
}

function parseObject(text: string, name: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message would quote the text.
  }
  if (!isObject(value)) throw unreadable(name);
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unreadable(name: string): AppError {
  return new AppError("invalid_params", `${name} cannot be read: it is not what the platform writes.`, {
    hint: "Nothing was restored.",
  });
}
