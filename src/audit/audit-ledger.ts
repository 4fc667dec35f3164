/** Checks a ledger from outside, in any repository that has its commits: an app's own, a developer's clone, a backup. It
 *  shares nothing with the program that writes ledgers but the format (docs/formats.md, "Verification"): no index, no
 *  cache, and every byte that it relies on has the object id that leads to it. */
import { setImmediate as otherWork } from "node:timers/promises";
import type { Finding } from "../core/finding.ts";
import { LedgerAudit, type FoundRelease } from "../core/ledger-audit.ts";
import type { NamedKey } from "../core/key-ring.ts";
import { checkReleaseFile, checkStateFile } from "../core/release-files.ts";
import { readReleaseTree, readStateTree } from "../core/release-tree.ts";
import { StateAudit } from "../core/state-audit.ts";
import { walkAll, walkReleases, type Chain } from "./chain.ts";
import { fingerprint } from "./check-signature.ts";
import { ObjectSource, type Place } from "./object-source.ts";
import { ReleaseLoader, type LoaderRules } from "./release-loader.ts";

export interface AuditOptions extends Place {
  /** The commit of the newest release. */
  head: string;
  /** The newest commit of the state, where this repository has it. */
  state?: string | undefined;
  /** Fingerprints or public keys that a person vouches for. */
  trustedKeys?: readonly string[];
  /** A release that somebody has seen in this ledger and that must still be in it. */
  remembered?: string | undefined;
  onProgress?(done: number, all: number): void;
}

export interface AuditReport {
  head: string;
  releases: number;
  /** Versions. */
  first: number;
  last: number;
  stateChanges: number;
  /** Whether the remembered release is in the ledger; true when none is remembered. */
  descends: boolean;
  keys: readonly NamedKey[];
  /** The first ones. */
  findings: readonly Finding[];
  findingCount: number;
}

/** How many releases are being read while one is checked. */
const READ_AHEAD = 128;
/** How many are checked before others of this process get their turn: some ten milliseconds. */
const TURN = 64;
const RELEASE_RULES: LoaderRules = { readTree: readReleaseTree, checkFile: checkReleaseFile };
const STATE_RULES: LoaderRules = { readTree: readStateTree, checkFile: checkStateFile };

export async function auditLedger(options: AuditOptions): Promise<AuditReport> {
  const source = new ObjectSource(options);
  try {
    const audit = new LedgerAudit({ fingerprint, trustedKeys: options.trustedKeys ?? [] });
    const chain = await walkReleases(source, options.head);
    if (chain.missing !== undefined) tellCut(audit, chain);
    await each(new ReleaseLoader(source, RELEASE_RULES), chain, (found, done) => {
      audit.add(found);
      options.onProgress?.(done, chain.length);
    });
    const stateChanges = options.state === undefined ? 0 : await auditState(source, audit, options.state);
    return {
      head: options.head,
      releases: chain.length,
      first: audit.first,
      last: audit.last,
      stateChanges,
      descends: options.remembered === undefined || chain.includes(options.remembered),
      keys: audit.named,
      findings: audit.findings.list,
      findingCount: audit.findings.count,
    };
  } finally {
    await source.close();
  }
}

async function auditState(source: ObjectSource, audit: LedgerAudit, head: string): Promise<number> {
  const state = new StateAudit(audit.findings, audit.keys);
  const chain = await walkAll(source, head);
  if (chain.missing !== undefined) {
    const reason = `the state before it, ${chain.missing.slice(0, 12)}, is not here`;
    audit.findings.add({ version: undefined, oid: chain.at(0) ?? head }, { kind: "chain-cut", reason });
  }
  await each(new ReleaseLoader(source, STATE_RULES), chain, (found) => state.add(found));
  return chain.length;
}

/** Oldest first, several being read while one is looked at. */
async function each(
  loader: ReleaseLoader,
  chain: Chain,
  look: (found: FoundRelease, done: number) => void,
): Promise<void> {
  const ahead: Promise<FoundRelease>[] = [];
  for (let place = 0, asked = 0; place < chain.length; place += 1) {
    for (; asked < chain.length && ahead.length < READ_AHEAD; asked += 1) ahead.push(loadAt(loader, chain, asked));
    const next = ahead.shift();
    if (next !== undefined) look(await next, place + 1);
    if (place % TURN === 0) await otherWork();
  }
}

function loadAt(loader: ReleaseLoader, chain: Chain, place: number): Promise<FoundRelease> {
  const loaded = loader.load(chain.at(place) ?? "");
  // It is awaited in its turn; until then a failure, which all of them share, is nobody's.
  loaded.catch(() => undefined);
  return loaded;
}

function tellCut(audit: LedgerAudit, chain: Chain): void {
  const missing = chain.missing ?? "";
  const at = { version: undefined, oid: chain.at(0) ?? missing };
  const short = missing.slice(0, 12);
  const reason =
    chain.length === 0
      ? `the release ${short} is not here`
      : `the ledger does not go down to v1 here: ${short} is no part of it, or not here`;
  audit.findings.add(at, { kind: "chain-cut", reason });
  if (chain.flaw?.kind === "object-damaged") audit.findings.add(at, chain.flaw);
}
