/** The report of an audit as the API and `--json` give it: the same from the platform and from a clone. */
import type { Finding } from "./finding.ts";
import type { NamedKey } from "./key-ring.ts";

export interface AuditFacts {
  head: string;
  releases: number;
  first: number;
  last: number;
  stateChanges: number;
  keys: readonly NamedKey[];
  findings: readonly Finding[];
  findingCount: number;
}

export interface VerifyReport {
  app: string;
  head: string;
  releases: number;
  first: number;
  last: number;
  state_changes: number;
  keys: { fingerprint: string; public_key: string; version: number }[];
  findings: { kind: string; version: number | null; oid: string; message: string }[];
  findings_total: number;
}

export function formatReport(app: string, facts: AuditFacts): VerifyReport {
  return {
    app,
    head: facts.head,
    releases: facts.releases,
    first: facts.first,
    last: facts.last,
    state_changes: facts.stateChanges,
    keys: facts.keys.map(({ fingerprint, publicKey, version }) => ({ fingerprint, public_key: publicKey, version })),
    findings: facts.findings.map(({ kind, version, oid, reason }) => ({
      kind,
      version: version ?? null,
      oid,
      message: `${reason[0]?.toUpperCase() ?? ""}${reason.slice(1)}.`,
    })),
    findings_total: facts.findingCount,
  };
}
