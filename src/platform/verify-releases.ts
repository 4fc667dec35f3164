/** Checks an app's ledger in its own repository, from outside of the writer, and against what the writer's index says. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { auditLedger, type AuditReport } from "../audit/audit-ledger.ts";
import { AppError } from "../core/error.ts";
import { FINDINGS_KEPT, type Finding } from "../core/finding.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

const OID_BYTES = 20;
/** A long ledger takes a processor for seconds: one at a time. */
const audits = new SerialQueue();

export async function verifyReleases(platform: Platform, app: App): Promise<AuditReport> {
  return audits.run(async () => {
    // Before the head is read: a release that is made meanwhile is then no contradiction.
    const remembered = await lastOfIndex(join(platform.home.app(app.name), "ledger.idx"));
    const head = await app.ledger.ref("refs/heads/releases");
    if (head === undefined) throw new AppError("not_found", `${app.name} has no releases.`);
    const report = await auditLedger({
      gitDir: platform.home.repo(app.name),
      path: platform.processPath,
      signal: AbortSignal.any([app.ending, platform.closing]),
      head,
      state: await app.ledger.ref("refs/heroku/state"),
      // The platform knows its own key, wherever the ledger has been before.
      trustedKeys: [platform.signingKey.publicKey],
      remembered: remembered?.oid,
    });
    return report.descends || remembered === undefined ? report : withContradiction(report, remembered);
  });
}

/** Undefined when there is no index: it is derived and may be deleted. */
async function lastOfIndex(path: string): Promise<{ version: number; oid: string } | undefined> {
  let file;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const version = Math.floor((await file.stat()).size / OID_BYTES);
    const { buffer } = await file.read(Buffer.alloc(OID_BYTES), 0, OID_BYTES, Math.max(0, version - 1) * OID_BYTES);
    return version === 0 ? undefined : { version, oid: buffer.toString("hex") };
  } finally {
    await file.close();
  }
}

function withContradiction(report: AuditReport, remembered: { version: number; oid: string }): AuditReport {
  const finding: Finding = {
    ...remembered,
    kind: "memory-differs",
    reason: "the platform has written another release under this version, which is no part of the ledger",
  };
  return {
    ...report,
    findings: [finding, ...report.findings].slice(0, FINDINGS_KEPT),
    findingCount: report.findingCount + 1,
  };
}
