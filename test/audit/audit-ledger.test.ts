/** The audit as its callers know it: long ledgers, progress, being stopped, a machine without git, words on a terminal. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { auditLedger, type AuditOptions } from "../../src/audit/audit-ledger.ts";
import { compareLedgers } from "../../src/audit/compare-ledgers.ts";
import { progressOf } from "../../src/cli/verify-words.ts";
import { refuses, rejects } from "../support/assert.ts";
import { ForgedLedger } from "../support/forged-ledger.ts";
import { describe, type TestContext } from "../support/suite.ts";

/** More than what the tables of an audit begin with. */
const RELEASES = 1_300;

async function longLedger(t: TestContext): Promise<{ ledger: ForgedLedger; options: AuditOptions }> {
  const ledger = new ForgedLedger();
  ledger.release("initial");
  ledger.release("deploy");
  while (ledger.releases.length < RELEASES) {
    const version = ledger.releases.length + 1;
    ledger.release(version % 100 === 0 ? `rollback v${String(version - 90)}` : version % 10 === 0 ? "deploy" : "addon");
  }
  const gitDir = join(await t.tempDir(), "long.git");
  await ledger.writeTo(gitDir);
  const { signal } = new AbortController();
  return { ledger, options: { gitDir, head: ledger.head, path: process.env["PATH"] ?? "", signal } };
}

describe("audit", (test) => {
  test("a long ledger, release by release", async (t) => {
    const { ledger, options } = await longLedger(t);
    let last = 0;
    const report = await auditLedger({
      ...options,
      remembered: ledger.releases[700]?.oid,
      onProgress(done, all) {
        assert.equal([done, all], [last + 1, RELEASES]);
        last = done;
      },
    });
    assert.equal([report.findings, report.releases, report.first, report.last], [[], RELEASES, 1, RELEASES]);
    assert.equal([last, report.descends], [RELEASES, true]);
    const stranger = await auditLedger({ ...options, remembered: "0123456789".repeat(4) });
    assert.is(stranger.descends, false);
  });

  test("ends with its reader's patience, and leaves nothing running", async (t) => {
    const { options } = await longLedger(t);
    const patience = new AbortController();
    const onProgress = (done: number): void => (done === 200 ? patience.abort() : undefined);
    const error = await rejects(auditLedger({ ...options, signal: patience.signal, onProgress }));
    assert.is((error as Error).name, "AbortError");
  });

  test("a machine without git", async (t) => {
    const { options } = await longLedger(t);
    const error = await refuses("unavailable", () => auditLedger({ ...options, path: "/nonexistent" }));
    assert.match(error.message, "`git` was not found");
  });

  test("two histories: where they part, and the first of what either has", async (t) => {
    const { ledger, options } = await longLedger(t);
    const other = new ForgedLedger();
    other.release("initial");
    other.release("deploy");
    other.release("config");
    await other.writeTo(options.gitDir);
    const { common, seen, found } = await compareLedgers(options, { seen: ledger.head, found: other.head });
    assert.is(common?.release?.version, 2);
    assert.equal([seen.count, seen.commits.length, seen.commits[0]?.release?.version], [RELEASES - 2, 10, 3]);
    assert.equal([found.count, found.commits[0]?.release?.change], [1, "config"]);
  });

  test("progress is for terminals, for long ledgers, and leaves no trace", () => {
    let text = "";
    const stream = (isTTY: boolean) => ({
      isTTY,
      write: (more: string) => ((text += more), true),
      once: () => undefined,
    });
    const silent = progressOf(stream(false));
    silent.show(50, 10_000);
    silent.clear();
    progressOf(stream(true)).show(5, 100);
    assert.is(text, "");
    const shown = progressOf(stream(true));
    for (const done of [1, 2, 5_000, 10_000]) shown.show(done, 10_000);
    shown.clear();
    assert.is(text, " 0 %\b\b\b\b 50 %\b\b\b\b\b 100 %\b\b\b\b\b\b      \b\b\b\b\b\b");
  });
});
