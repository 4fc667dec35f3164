/** backup: all of an app that cannot be made again, as one tar: what it is, its keys, its repository. Releases go on
 *  meanwhile; the backup is of one moment. Keys leave the daemon encrypted, for a recipient that the caller names. */
import type { Readable } from "node:stream";
import {
  BUNDLE_ENTRY,
  FACTS_ENTRY,
  formatBackupFacts,
  formatBackupKeys,
  SEALED_KEYS_ENTRY,
  type BackupFacts,
  type BackupKeys,
} from "../core/backup.ts";
import { AppError } from "../core/error.ts";
import { configPublicKeys, loadAppKeys } from "../ledger/app-keys.ts";
import type { Refs } from "../ledger/bundle-format.ts";
import { readIfThere } from "../ledger/durable-file.ts";
import { keyFingerprint, parseLedgerKey } from "../ledger/ledger-key.ts";
import { writeBundle } from "../ledger/write-bundle.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { tarStream } from "./backup-tar.ts";
import type { Platform } from "./platform.ts";

export interface BackupRequest {
  /** An age recipient, `age1…`: the keys are encrypted for it. */
  recipient: string;
  actor: Actor;
  signal: AbortSignal;
}

interface Moment {
  facts: BackupFacts;
  keys: BackupKeys;
  refs: Refs;
  branch: string | undefined;
}

/** The stream is of one app at one moment; when it is closed, nothing of it is left on the disk.
 *  @throws AppError invalid_params for a recipient that age does not know. */
export async function backupApp(
  platform: Platform,
  app: App,
  { recipient, actor, signal }: BackupRequest,
): Promise<{ sizeBytes: number; stream: Readable }> {
  if (await app.ledger.isShallow()) {
    throw new AppError("conflict", `The history of ${app.name} was cut off, so no backup of it would be complete.`);
  }
  const { facts, keys, refs, branch } = await app.ledger.hold((now) => capture(platform, app, now));
  const sealed = await seal(formatBackupKeys(keys), recipient);
  const bundle = await writeBundle({ repoPath: platform.home.repo(app.name), refs, branch, signal }).catch(
    (error: unknown) => {
      throw signal.aborted ? new AppError("unavailable", "The backup was given up.", { cause: error }) : error;
    },
  );
  try {
    const backup = await tarStream({
      small: [
        [FACTS_ENTRY, Buffer.from(formatBackupFacts(facts))],
        [SEALED_KEYS_ENTRY, sealed],
      ],
      large: { name: BUNDLE_ENTRY, file: bundle, sizeBytes: (await bundle.stat()).size },
      modifiedAt: new Date(facts.createdAt),
    });
    app.logChange(actor, `Backup of v${String(facts.version)}`);
    return backup;
  } catch (error) {
    await bundle.close();
    throw error;
  }
}

async function capture(platform: Platform, app: App, refs: Refs): Promise<Moment> {
  const head = await app.ledger.head();
  if (head === undefined) throw new Error(`${app.name} has no release`);
  const inForce = await app.ledger.keyInForce();
  const keyFile = platform.home.configKeys(app.name);
  const { privateKeys } = await loadAppKeys(keyFile);
  return {
    refs,
    branch: await app.ledger.deployBranch(),
    keys: {
      config: JSON.parse((await readIfThere(keyFile)) ?? "") as BackupKeys["config"],
      ledger: await signingKeyOf(platform, app, inForce),
    },
    facts: {
      app: app.name,
      id: app.id,
      version: head.version,
      head: head.oid,
      createdAt: new Date(platform.clock.now()).toISOString(),
      configKeys: configPublicKeys(privateKeys),
      ledgerKey: inForce === undefined ? undefined : keyFingerprint(inForce),
    },
  };
}

/** The platform's own key, or the one that came with the app from another platform. */
async function signingKeyOf(platform: Platform, app: App, inForce: string | undefined): Promise<string | undefined> {
  for (const path of [platform.home.signingKey, platform.home.ledgerKeyBefore(app.name)]) {
    const pem = await readIfThere(path);
    if (pem !== undefined && parseLedgerKey(pem).publicKey === inForce) return pem;
  }
  return undefined;
}

async function seal(text: string, recipient: string): Promise<Uint8Array> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
  } catch {
    throw new AppError("invalid_params", `${JSON.stringify(recipient.slice(0, 80))} is not an age recipient.`, {
      hint: "It looks like age1… and is made by age-keygen.",
    });
  }
  return encrypter.encrypt(text);
}
