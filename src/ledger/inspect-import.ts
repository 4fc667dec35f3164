/** Looks at a repository that came from elsewhere before it becomes an app: the whole chain of releases by the ledger's
 *  own reader, and the deploy branch, which is put where the ledger says. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { formatVersion, type Release } from "../core/release.ts";
import { DEPLOY_REFS } from "./deploy-branch.ts";
import { runGit, type Repository } from "./git-process.ts";
import { Ledger, type LedgerOptions } from "./ledger.ts";
import { readRefs } from "./read-refs.ts";
import { RELEASES_REF } from "./release-log.ts";
import { STATE_REF } from "./state-branch.ts";
import type { Snapshot } from "./release-writer.ts";

export interface ImportedLedger {
  head: Release;
  current: Release;
  /** The newest commit of the state, if there is one. */
  state: string | undefined;
  snapshot: Snapshot;
  /** The public key that signs it now. */
  keyInForce: string | undefined;
}

const CHUNK = 1000;

/** @throws AppError invalid_params when it is no app's repository or its ledger cannot be read. */
export async function inspectImport(
  repository: Repository,
  options: Omit<LedgerOptions, "repoPath" | "indexPath">,
): Promise<ImportedLedger> {
  await pointHead(repository);
  const indexPath = join(repository.path, "ledger.idx");
  try {
    const ledger = await Ledger.open({ ...options, repoPath: repository.path, indexPath });
    try {
      return await inspect(repository, ledger);
    } finally {
      await ledger.close();
    }
  } catch (error) {
    throw unreadable(error);
  } finally {
    await rm(indexPath, { force: true });
  }
}

/** An app deploys from one of the two names; only a repository that somebody made up has both. */
async function pointHead(repository: Repository): Promise<void> {
  const refs = await readRefs(repository);
  if (!refs.has(RELEASES_REF)) {
    throw new AppError("invalid_params", "The repository has no branch `releases`, so it is not an app's.", {
      hint: "Take a complete copy: a mirror clone, or a bundle of all refs.",
    });
  }
  const branch = [...DEPLOY_REFS].find((ref) => refs.has(ref)) ?? "refs/heads/main";
  await runGit(repository, ["symbolic-ref", "HEAD", branch]);
}

async function inspect(repository: Repository, ledger: Ledger): Promise<ImportedLedger> {
  const [head, current] = [await ledger.head(), await ledger.current()];
  if (head === undefined || current === undefined) throw new Error("no release of it ever succeeded");
  const deploy = await newestDeploy(ledger, head);
  await placeDeployBranch(repository, ledger, deploy);
  const snapshot = await ledger.snapshot(current);
  const code = current.code === undefined ? undefined : await ledger.resolveCommit(current.code);
  if (code?.tree !== snapshot.codeTree) {
    throw new Error(`the code of ${formatVersion(current.version)} is not that of the commit which it names`);
  }
  return { head, current, snapshot, state: await ledger.ref(STATE_REF), keyInForce: await ledger.keyInForce() };
}

/** Reads every release on the way: the reader refuses a gap, a commit that is no release, and one that is missing. */
async function newestDeploy(ledger: Ledger, head: Release): Promise<Release | undefined> {
  let newest: Release | undefined;
  for (let before = head.version + 1; before > 1; before -= CHUNK) {
    const releases = await ledger.list({ max: CHUNK, before });
    newest ??= releases.find((release) => release.change === "deploy" && release.status === "succeeded");
  }
  return newest;
}

async function placeDeployBranch(repository: Repository, ledger: Ledger, deploy: Release | undefined): Promise<void> {
  if (deploy?.code === undefined) return;
  const branch = (await ledger.deployBranch()) ?? "refs/heads/main";
  await runGit(repository, ["update-ref", "-m", "restore", branch, deploy.code]);
}

function unreadable(error: unknown): unknown {
  if (error instanceof AppError && error.id === "invalid_params") return error;
  if (!(error instanceof Error)) return error;
  return new AppError("invalid_params", `The ledger cannot be read: ${error.message.replace(/\.$/, "")}.`, {
    hint: "Nothing was restored. Use another copy of the app.",
    cause: error,
  });
}
