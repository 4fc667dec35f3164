/** restore: an app out of a backup, a bundle or a mirror clone: same versions, same formation, running again. Everything
 *  is checked in a directory without a name; then the keys are put in place and the repository gets its name. A crash
 *  leaves no app or all of it. No release is made. */
import { stat } from "node:fs/promises";
import { auditLedger } from "../audit/audit-ledger.ts";
import { parseAppName, type AppName } from "../core/app-name.ts";
import type { BackupKeys } from "../core/backup.ts";
import { AppError } from "../core/error.ts";
import type { Finding } from "../core/finding.ts";
import { formatJson } from "../core/json.ts";
import type { Release } from "../core/release.ts";
import { formatVersion } from "../core/release.ts";
import { configPublicKeys, parseAppKeys, type AppKeys } from "../ledger/app-keys.ts";
import { ConfigCipher, readPublicKey } from "../ledger/config-cipher.ts";
import { createRepository } from "../ledger/create-repository.ts";
import { openRepository, type Repository } from "../ledger/git-process.ts";
import { importBundle, importMirror } from "../ledger/import-repository.ts";
import { inspectImport, type ImportedLedger } from "../ledger/inspect-import.ts";
import { parseLedgerKey } from "../ledger/ledger-key.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { rememberBuild } from "./build-memory.ts";
import { buildRelease } from "./ensure-slug.ts";
import { exists } from "./home.ts";
import { launch } from "./launch.ts";
import { writeHookEnv } from "./open-app.ts";
import { placeKeys, settleKeys } from "./place-keys.ts";
import type { Platform } from "./platform.ts";

export interface RestoreRequest {
  name: string;
  /** Absolute: a mirror clone, or the file that a bundle is in. */
  path: string;
  /** Where in the file; all of it, when left out. */
  bundle?: { offset: number; bytes: number } | undefined;
  /** What the ledger's head has to be. */
  head?: { version: number; oid: string } | undefined;
  keys: BackupKeys;
  actor: Actor;
}

export interface RestoreProgress {
  /** Words for the person. */
  output: (text: string) => void;
  /** How much of a long step is done, from 0 to 1. */
  share: (what: string, done?: number) => void;
}

export interface Restored {
  app: App;
  head: Release;
  /** Whether the next release can be signed by the key that the ledger knows. */
  isVouchedFor: boolean;
  /** Why it does not run, if so. */
  fault: AppError | undefined;
}

/** @throws AppError, and nothing is left of it. */
export async function restoreApp(
  platform: Platform,
  request: RestoreRequest,
  progress: RestoreProgress,
): Promise<Restored> {
  const name = parseAppName(request.name);
  if (platform.isTaken(name) || (await exists(platform.home.repo(name))))
    throw taken(platform.formerNames.current(name));
  platform.reserve(name);
  try {
    const work = new Restore(platform, name, request, progress);
    await createRepository(platform.home.repo(name), {
      hooksPath: platform.hooks.dir,
      prepare: (path) => work.prepare(path),
    });
    await settleKeys(platform.home, name);
    if (platform.closing.aborted) throw stopping();
    const app = await platform.openApp(name);
    return await work.run(app);
  } catch (error) {
    await settleKeys(platform.home, name);
    throw platform.closing.aborted ? stopping() : error;
  } finally {
    platform.unreserve(name);
  }
}

class Restore {
  readonly #platform: Platform;
  readonly #name: AppName;
  readonly #request: RestoreRequest;
  readonly #progress: RestoreProgress;
  #isVouchedFor = true;

  constructor(platform: Platform, name: AppName, request: RestoreRequest, progress: RestoreProgress) {
    this.#platform = platform;
    this.#name = name;
    this.#request = request;
    this.#progress = progress;
  }

  /** Fills the unfinished repository, and checks all that can be checked before it gets its name. */
  async prepare(path: string): Promise<void> {
    const { home, hooks } = this.#platform;
    const parts = this.#platform.ledgerParts();
    const repository = openRepository(path, parts.committer);
    await this.#import(repository);
    const imported = await inspectImport(repository, parts);
    checkHead(imported, this.#request.head);
    await checkConfigKeys(imported, this.#request.keys);
    const before = this.#keyBefore(imported);
    await this.#audit(path, imported);
    await writeHookEnv(path, hooks.env);
    const files = new Map([[home.configKeys(this.#name), formatJson(this.#request.keys.config)]]);
    if (before !== undefined) files.set(home.ledgerKeyBefore(this.#name), before);
    await placeKeys(home, this.#name, files);
  }

  async #import(repository: Repository): Promise<void> {
    const { path, bundle } = this.#request;
    const share = (done: number): void => this.#progress.share("Checking the repository", done);
    const io = { onProgress: share, signal: this.#platform.closing };
    const found = await stat(path).catch((error: Error) => {
      throw new AppError("not_found", `${path} cannot be read: ${error.message}`);
    });
    if (found.isDirectory()) return importMirror(repository, path, io);
    return importBundle(repository, { path, ...(bundle ?? { offset: 0, bytes: found.size }) }, io);
  }

  /** Every signature, tree and date. */
  async #audit(path: string, { head, state, keyInForce }: ImportedLedger): Promise<void> {
    const { processPath, signingKey, closing } = this.#platform;
    const report = await auditLedger({
      gitDir: path,
      path: processPath,
      signal: closing,
      head: head.oid,
      state,
      trustedKeys: [signingKey.publicKey, ...(keyInForce === undefined ? [] : [keyInForce])],
      onProgress: (done, all) => this.#progress.share("Checking the ledger", done / all),
    });
    const finding = report.findings.find((one) => !isUnvouched(one));
    if (report.findingCount > 0) this.#isVouchedFor = false;
    if (finding === undefined) return;
    const whose = finding.version === undefined ? finding.oid.slice(0, 7) : formatVersion(finding.version);
    throw new AppError("invalid_params", `The ledger was tampered with or is damaged: ${whose}: ${finding.reason}.`, {
      hint: "Nothing was restored. Use another copy of the backup.",
    });
  }

  /** The text of the key that signs until the next release. */
  #keyBefore({ keyInForce }: ImportedLedger): string | undefined {
    const { ledger } = this.#request.keys;
    if (ledger !== undefined && parseLedgerKey(ledger).publicKey !== keyInForce) {
      throw new AppError("invalid_params", "The ledger key of the backup is not the one that signs its releases.", {
        hint: "Nothing was restored. Use another copy of the backup.",
      });
    }
    if (keyInForce === this.#platform.signingKey.publicKey) return undefined;
    this.#isVouchedFor = ledger !== undefined;
    return ledger;
  }

  /** The app is there; whatever happens now, it stays. */
  async run(app: App): Promise<Restored> {
    const { output } = this.#progress;
    const head = await app.ledger.head();
    const current = await app.ledger.current();
    if (head === undefined) throw new Error(`${app.name} has no release`);
    app.logChange(this.#request.actor, `Restore app at ${formatVersion(head.version)}`);
    let fault: AppError | undefined;
    try {
      if (current?.code !== undefined) {
        await rememberBuild(app, current.version, await buildRelease(this.#platform, app, current.code, { output }));
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      fault = error;
    }
    if (fault === undefined) await launch(this.#platform, app, "start");
    return { app, head, isVouchedFor: this.#isVouchedFor, fault };
  }
}

/** No reason to refuse: an app that was once adopted without its ledger key has such a release for ever, and state before
 *  that release which is signed by a key not announced yet. */
function isUnvouched({ kind, version }: Finding): boolean {
  return kind === "key-unvouched" || (kind === "signature-key" && version === undefined);
}

function checkHead({ head }: ImportedLedger, expected: RestoreRequest["head"]): void {
  if (expected === undefined || (expected.oid === head.oid && expected.version === head.version)) return;
  const [said, found] = [expected.version, head.version].map(formatVersion) as [string, string];
  throw new AppError(
    "invalid_params",
    `The backup says that its newest release is ${said} (${expected.oid.slice(0, 7)}), but its ledger ends with ${found} (${head.oid.slice(0, 7)}).`,
    { hint: "Nothing was restored. Use another copy of the backup." },
  );
}

/** With other keys the app would run without its config vars, or not at all. */
async function checkConfigKeys({ snapshot }: ImportedLedger, { config }: BackupKeys): Promise<void> {
  const keys = parseAppKeys(formatJson(config));
  const known = readPublicKey(snapshot.configEnv);
  if (known !== undefined && !configPublicKeys(keys.privateKeys).includes(known)) throw otherKeys();
  await openConfig(keys, snapshot.configEnv);
}

async function openConfig(keys: AppKeys, configEnv: string): Promise<void> {
  try {
    await new ConfigCipher(keys).read(configEnv);
  } catch (error) {
    throw error instanceof AppError ? otherKeys(error) : error;
  }
}

function otherKeys(cause?: unknown): AppError {
  return new AppError("invalid_params", "These keys do not open the app's config vars.", {
    hint: "Nothing was restored. Use the key file of this very app: keys/APP.keys of the platform it comes from.",
    cause,
  });
}

function taken(name: AppName): AppError {
  return new AppError("conflict", `There is an app ${name} already.`, {
    hint: "Restore under another name with --name NAME, or destroy that app first.",
  });
}

function stopping(): AppError {
  return new AppError("unavailable", "The platform is stopping.", { hint: "Try again when it is back." });
}
