/** Verifies what a clone has fetched: the audit itself, what the clone has seen before, and what it remembers from now on. */
import { auditLedger, type AuditReport } from "../audit/audit-ledger.ts";
import { compareLedgers, type Comparison } from "../audit/compare-ledgers.ts";
import type { LedgerView } from "../clone/ledger-view.ts";
import { keepEvidence, rememberSeen, type Memory } from "../clone/seen-head.ts";
import { AppError } from "../core/error.ts";
import type { World } from "./command.ts";
import { progressOf, verifyJson, type Rewrite, type VerifyJson } from "./verify-words.ts";

export interface CloneToVerify {
  world: World;
  view: LedgerView;
  memory: Memory;
  /** A person takes a rewritten ledger as right. */
  acceptRewrite: boolean;
}

export async function verifyClone(clone: CloneToVerify): Promise<VerifyJson> {
  const { world, view } = clone;
  const report = await audit(clone);
  explainGaps(view, report);
  const rewrite = report.descends ? undefined : await keepBoth(clone, report);
  const isRight = report.findingCount === 0 && rewrite?.accepted !== false;
  if (isRight && view.remote !== undefined) rememberSeen(world, view.remote, view.head, view.isMirror);
  return verifyJson({ app: view.name, ref: view.ref, report, rewrite });
}

async function audit({ world, view, memory }: CloneToVerify): Promise<AuditReport> {
  const progress = progressOf(world.stderr);
  try {
    return await auditLedger({
      ...placeOf(world, view),
      head: view.head,
      state: view.state,
      trustedKeys: memory.trustedKeys,
      remembered: memory.seen,
      onProgress: (done, all) => progress.show(done, all),
    });
  } finally {
    progress.clear();
  }
}

/** The head does not descend from the one that was seen: both are kept, whatever a person says. */
async function keepBoth(clone: CloneToVerify, report: AuditReport): Promise<Rewrite | undefined> {
  const { world, view, memory, acceptRewrite } = clone;
  if (view.remote === undefined || memory.seen === undefined) return undefined;
  const comparison = await compareLedgers(placeOf(world, view), { seen: memory.seen, found: view.head });
  const heads = { seen: memory.seen, found: view.head, isHere: isHere(comparison) };
  const evidence = keepEvidence(world, view.remote, heads, view.isMirror);
  const accepted = acceptRewrite && report.findingCount === 0;
  return { app: view.name, seen: memory.seen, comparison, evidence, accepted };
}

function isHere({ common, seen }: Comparison): boolean {
  return common !== undefined || seen.count > 0;
}

function placeOf(world: World, { gitDir }: LedgerView): { gitDir: string; path: string; signal: AbortSignal } {
  return { gitDir, path: world.env["PATH"] ?? "", signal: new AbortController().signal };
}

/** What was left out on purpose when this clone was made is no damage.
 *  @throws AppError unavailable */
function explainGaps({ isShallow, isFiltered }: LedgerView, report: AuditReport): void {
  const kinds = new Set<string>(report.findings.map(({ kind }) => kind));
  if (isShallow && kinds.has("chain-cut")) {
    throw new AppError("unavailable", "This clone is shallow: it does not have the whole ledger.", {
      hint: "Fetch the rest with `git fetch --unshallow`, or ask the platform with --server.",
    });
  }
  if (isFiltered && ["chain-cut", "object-missing", "object-damaged"].some((kind) => kinds.has(kind))) {
    throw new AppError("unavailable", "This clone is filtered: it has not fetched all that the releases consist of.", {
      hint: "Fetch it with `git fetch --refetch --no-filter`, make another clone, or ask the platform with --server.",
    });
  }
}
