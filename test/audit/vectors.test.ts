/** test/vectors/ledger: one small file for each rule of docs/formats.md. A file begins with what it is about, what is
 *  expected (`ok`, or kinds of findings and the release of each), and a ledger in the words of test/support/forged-ledger.
 *  Each is built as real objects and audited; what one commit alone can show, core's reader must say as well. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { auditLedger } from "../../src/audit/audit-ledger.ts";
import { FINDING_KINDS } from "../../src/core/finding.ts";
import { MalformedRelease, parseCommit, parseRelease } from "../../src/core/release-commit.ts";
import { codeIn, readPage, tableUnder } from "../docs/markdown.ts";
import { ForgedLedger, type Edit, type ForgedCommit } from "../support/forged-ledger.ts";
import { describe } from "../support/suite.ts";
import { testKey } from "../support/test-keys.ts";
import { ROOT } from "../support/transcript.ts";

const DIRECTORY = join(ROOT, "test/vectors/ledger");

interface Vector {
  expected: string[];
  trusted: string[];
  ledger: ForgedLedger;
}

function readVector(text: string): Vector {
  const vector: Vector = { expected: [], trusted: [], ledger: new ForgedLedger() };
  const blocks: { words: string; edits: Edit[] }[] = [];
  for (const line of text.split("\n")) {
    const [, verb = "", rest = ""] = /^ *([a-z-]+):? ?(.*)$/.exec(line) ?? [];
    if (line.startsWith("#") || line === "") continue;
    else if (line.startsWith(" ")) blocks.at(-1)?.edits.push({ verb, rest });
    else if (verb === "expect") vector.expected.push(rest);
    else if (verb === "trust") vector.trusted.push(testKey(rest).fingerprint);
    else blocks.push({ words: line, edits: [] });
  }
  for (const { words, edits } of blocks) {
    if (words === "state") vector.ledger.state(edits);
    else vector.ledger.release(words.replace(/^release /, ""), edits);
  }
  return vector;
}

/** The rule that core's reader sees broken in the commit alone. */
function flawOf({ oid, text }: ForgedCommit): string | undefined {
  try {
    parseRelease(oid, parseCommit(text));
    return undefined;
  } catch (error) {
    if (error instanceof MalformedRelease) return error.flaw;
    throw error;
  }
}

const names = (await readdir(DIRECTORY)).sort();

describe("ledger vectors", (test) => {
  for (const name of names) {
    test(name, async (t) => {
      const vector = readVector(await readFile(join(DIRECTORY, name), "utf8"));
      const { ledger } = vector;
      const gitDir = join(await t.tempDir(), "ledger.git");
      await ledger.writeTo(gitDir);
      const report = await auditLedger({
        gitDir,
        head: ledger.head,
        state: ledger.states.at(-1)?.oid,
        trustedKeys: vector.trusted,
        path: process.env["PATH"] ?? "",
        signal: new AbortController().signal,
      });
      const place = (version: number | undefined, oid: string): string => {
        if (ledger.states.some((state) => state.oid === oid)) return " state";
        return version === undefined ? "" : ` v${String(version)}`;
      };
      const found = report.findings.map(({ kind, version, oid }) => `${kind}${place(version, oid)}`);
      assert.equal(
        found.toSorted(),
        vector.expected.filter((line) => line !== "ok").toSorted(),
        JSON.stringify(report.findings),
      );
      assert.is(report.findingCount, found.length);
      for (const release of ledger.releases) {
        const flaw = flawOf(release);
        const told = report.findings.filter(({ oid }) => oid === release.oid).map(({ kind }) => kind);
        if (flaw !== undefined)
          assert.ok((told as string[]).includes(flaw), `the reader says ${flaw}, the audit ${told.join()}`);
      }
    });
  }

  test("there is one for every kind that the page lists, but for what no repository alone can show", async () => {
    const rows = tableUnder(await readPage("docs/formats.md"), /^\| kind /).map(([kind = ""]) => codeIn(kind)[0] ?? "");
    assert.equal(rows, [...FINDING_KINDS]);
    const texts = await Promise.all(names.map((name) => readFile(join(DIRECTORY, name), "utf8")));
    const without = rows.filter((kind) => !texts.some((text) => text.includes(`\nexpect: ${kind}`)));
    assert.equal(without, ["object-damaged", "memory-differs"]);
  });
});
