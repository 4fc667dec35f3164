/** What `releases:verify` says: of a ledger that is right in one line, of one that is not as much as a person needs to find
 *  out what happened. */
import type { AuditReport } from "../audit/audit-ledger.ts";
import type { Comparison, ToldCommit } from "../audit/compare-ledgers.ts";
import type { VerifyReport } from "../api/resources.ts";
import { formatAgo } from "../core/duration.ts";
import { formatReport } from "../core/audit-report.ts";
import { formatVersion } from "../core/release.ts";
import { cut, pad } from "../core/text-table.ts";
import type { OutputStream, Terminal } from "./terminal.ts";

export interface Rewrite {
  app: string;
  /** The release that was seen last. */
  seen: string;
  comparison: Comparison;
  /** Refs. */
  evidence: string[];
  /** A person said that it is right. */
  accepted: boolean;
}

export interface RewriteJson {
  app: string;
  accepted: boolean;
  seen: string;
  common: CommitJson | null;
  seen_after: CommitJson[];
  seen_after_total: number;
  found_after: CommitJson[];
  found_after_total: number;
  evidence: string[];
}

interface CommitJson {
  oid: string;
  version: number | null;
  description: string | null;
  user: string | null;
  created_at: string | null;
}

export type VerifyJson = VerifyReport & { ref: string; rewritten?: RewriteJson };

export function verifyJson(facts: {
  app: string;
  ref: string;
  report: AuditReport;
  rewrite: Rewrite | undefined;
}): VerifyJson {
  const { app, ref, report, rewrite } = facts;
  return { ...formatReport(app, report), ref, ...(rewrite === undefined ? {} : { rewritten: rewriteJson(rewrite) }) };
}

function rewriteJson({ app, accepted, seen, comparison, evidence }: Rewrite): RewriteJson {
  const { common, seen: before, found } = comparison;
  return {
    app,
    accepted,
    seen,
    common: common === undefined ? null : commitJson(common),
    seen_after: before.commits.map(commitJson),
    seen_after_total: before.count,
    found_after: found.commits.map(commitJson),
    found_after_total: found.count,
    evidence,
  };
}

function commitJson({ oid, release }: ToldCommit): CommitJson {
  if (release === undefined) return { oid, version: null, description: null, user: null, created_at: null };
  const { version, description, by, createdAt } = release;
  return {
    oid,
    version,
    description,
    user: by.email,
    created_at: new Date(createdAt).toISOString().replace(".000", ""),
  };
}

/** What follows `Verifying foobaz...`. */
export function summarise(report: VerifyReport & { rewritten?: RewriteJson }): string {
  const releases = count(report.releases, "release");
  if (report.findings_total > 0) return `failed, ${count(report.findings_total, "finding")} in ${releases}`;
  if (report.rewritten !== undefined && !report.rewritten.accepted) return "failed, the ledger was rewritten";
  const span =
    report.releases === 1
      ? formatVersion(report.first)
      : `${formatVersion(report.first)} to ${formatVersion(report.last)}`;
  const state = report.state_changes === 0 ? [] : [count(report.state_changes, "change of state", "changes of state")];
  const keys = report.keys.map(({ fingerprint, version }, index) =>
    index === 0 ? `signed by ${fingerprint}` : `from ${formatVersion(version)} on by ${fingerprint}`,
  );
  return ["done", releases, span, ...state, ...keys].join(", ");
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${String(number)} ${number === 1 ? one : many}`;
}

export function tellFindings(out: Terminal, report: VerifyReport): void {
  for (const { kind, version, oid, message } of report.findings) {
    const whose = version === null ? oid.slice(0, 12) : formatVersion(version);
    out.warn(`${whose}: ${message} (${kind})`);
  }
  const more = report.findings_total - report.findings.length;
  if (more > 0) out.warn(`… and ${String(more)} more.`);
  const unvouched = report.findings.find(({ kind }) => kind === "key-unvouched");
  const fingerprint = /SHA256:[A-Za-z0-9+/]{43}/.exec(unvouched?.message ?? "")?.[0];
  if (fingerprint === undefined) return;
  out.warn(
    "A copy of the app that was moved without its ledger key looks like this. If you know that it was, accept the",
  );
  out.warn(`new key: git heroku releases:verify --trust-key ${fingerprint}`);
}

export function tellRewrite(out: Terminal, rewrite: RewriteJson, now: number): void {
  const { common, app, seen } = rewrite;
  out.warn(
    `The ledger of ${app} was rewritten: it does not descend from the last release that this clone has verified.`,
  );
  out.warn(
    common === null
      ? "The two histories have no release in common."
      : `The last release that both histories have is v${String(common.version ?? 0)}.`,
  );
  const isLost = rewrite.seen_after_total === 0;
  out.warn(
    isLost ? `What this clone had seen, ${seen.slice(0, 12)}, is no longer here.` : "After it, this clone had seen:",
  );
  tellSide(out, rewrite.seen_after, rewrite.seen_after_total, now);
  out.warn(rewrite.found_after_total === 0 ? "After it, there is nothing now." : "After it, there is now:");
  tellSide(out, rewrite.found_after, rewrite.found_after_total, now);
  out.warn(`Kept as evidence: ${rewrite.evidence.join(", ")}`);
  out.warn(
    rewrite.accepted
      ? "Accepted. From now on the ledger must descend from what there is now."
      : "Find out who did this and why. Only if it is right: git heroku releases:verify --accept-rewrite",
  );
}

function tellSide(out: Terminal, commits: readonly CommitJson[], total: number, now: number): void {
  for (const commit of commits) out.warn(`  ${rowOf(commit, now)}`);
  if (total > commits.length) out.warn(`  … and ${String(total - commits.length)} more`);
}

const CHANGE_WIDTH = 30;
const BY_WIDTH = 20;

function rowOf({ oid, version, description, user, created_at }: CommitJson, now: number): string {
  if (version === null) return `${oid.slice(0, 12)}  no release, or not here`;
  const change = pad(cut(description ?? "", CHANGE_WIDTH), CHANGE_WIDTH);
  const by = pad(cut(user ?? "", BY_WIDTH), BY_WIDTH);
  return `${pad(formatVersion(version), 5)} ${change}  ${by}  ${formatAgo(Date.parse(created_at ?? ""), now)}`;
}

const PROGRESS_FROM = 2000;

/** ` 34 %` behind the dots while a long ledger is read, only on a terminal, and gone afterwards. */
export function progressOf(stream: OutputStream): { show(done: number, all: number): void; clear(): void } {
  let shown = "";
  const write = (text: string): void => {
    if (text === shown) return;
    const width = Math.max(text.length, shown.length);
    stream.write(text.padEnd(width) + "\b".repeat(width));
    shown = text;
  };
  return {
    show(done, all) {
      if (stream.isTTY === true && all >= PROGRESS_FROM) write(` ${String(Math.floor((100 * done) / all))} %`);
    },
    clear: () => write(""),
  };
}
