/** What git tells of two releases' code, and which releases changed the config. */
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Code } from "../../src/ledger/code-diff.ts";
import type { ConfigStep } from "../../src/ledger/config-steps.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { NewRelease } from "../../src/ledger/release-writer.ts";
import { gitOutput } from "../../src/ledger/git-output.ts";
import { openRepository } from "../../src/ledger/git-process.ts";
import { refuses, rejects } from "../support/assert.ts";
import { processesOf } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { makeCode, makeFixture, NED, type Fixture } from "./fixture.ts";

const NOTHING: Code = { commit: undefined, tree: undefined };
const codeOf = ({ oid, tree }: { oid: string; tree: string }): Code => ({ commit: oid, tree });

async function subjectsBetween(ledger: Ledger, from: Code, to: Code): Promise<Record<string, unknown>> {
  const { added, removed, isCut } = await ledger.history.commitsBetween(from, to);
  return { added: added.map(({ subject }) => subject), removed: removed.map(({ subject }) => subject), isCut };
}

/** Commits in the fixture's work directory and brings it over. */
async function commit(fixture: Fixture, subject: string, ...more: string[]): Promise<Code> {
  const work = join(fixture.home, "work");
  await fixture.gitIn(work, "add", "-A");
  await fixture.gitIn(work, "commit", "-q", "--allow-empty", "-m", subject, ...more);
  return bring(fixture);
}

async function bring(fixture: Fixture): Promise<Code> {
  const work = join(fixture.home, "work");
  await fixture.gitIn(fixture.repo, "fetch", "-q", work, "HEAD");
  const [oid = "", tree = ""] = (await fixture.gitIn(work, "rev-parse", "HEAD", "HEAD^{tree}")).trim().split("\n");
  return { commit: oid, tree };
}

/** git processes of this kind that work on the repository. */
async function running(fixture: Fixture, verb: string): Promise<string[]> {
  return (await processesOf(fixture.repo))
    .map(({ command }) => command)
    .filter((command) => command.includes(` ${verb} `));
}

describe("ledger history: code", (test) => {
  test("files added, changed, removed and renamed, with their lines; binaries without", async (t) => {
    const fixture = await makeFixture(t);
    const { history } = fixture.ledger;
    const text = Array.from({ length: 30 }, (_, line) => `line ${String(line)}\n`).join("");
    const before = codeOf(
      await makeCode(fixture, { changed: "1\n2\n3\n", gone: "x\n", "old/name": text, "pic.png": "a\0b" }),
    );
    const work = join(fixture.home, "work");
    await rm(join(work, "gone"));
    await rename(join(work, "old/name"), join(work, "new-name"));
    const after = codeOf(await makeCode(fixture, { changed: "1\nX\n3\n4\n", fresh: "no line end", "pic.png": "a\0c" }));
    const files = (await history.changedFiles(before, after)).map((file) => [
      file.status,
      file.path,
      file.previousPath,
      file.added,
      file.removed,
      file.before === undefined,
      file.after === undefined,
    ]);
    assert.equal(files, [
      ["changed", "changed", undefined, 2, 1, false, false],
      ["added", "fresh", undefined, 1, 0, true, false],
      ["removed", "gone", undefined, 0, 1, false, true],
      ["renamed", "new-name", "old/name", 0, 0, false, false],
      ["changed", "pic.png", undefined, undefined, undefined, false, false],
    ]);
    assert.equal(await history.changedFiles(after, after), []);
    assert.is((await history.changedFiles(NOTHING, before)).length, 4);
    assert.ok((await history.changedFiles(before, NOTHING)).every(({ status }) => status === "removed"));
    assert.equal(await history.changedFiles(NOTHING, NOTHING), []);
  });

  test("any file name comes through as it is", async (t) => {
    const fixture = await makeFixture(t);
    const names = [
      ":100644 100644",
      "-1\t2\tx",
      "a\nb",
      'quo"te\\',
      "tab\there",
      "\u001b[31mred",
      "grün 日本",
      "3\t4\t",
    ];
    const before = codeOf(await makeCode(fixture, { base: "x" }));
    const after = codeOf(await makeCode(fixture, Object.fromEntries(names.map((name) => [name, `${name}\n`]))));
    const files = await fixture.ledger.history.changedFiles(before, after);
    assert.equal(files.map(({ path }) => path).sort(), names.toSorted());
    assert.ok(files.every(({ status, removed }) => status === "added" && removed === 0));
  });

  test("commits on either side, also of a merge and of histories that share nothing", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const work = join(fixture.home, "work");
    const first = codeOf(await makeCode(fixture, { a: "1" }));
    const second = await commit(fixture, "Second\n\nwith a body");
    await fixture.gitIn(work, "checkout", "-q", "-b", "side", "HEAD~1");
    const side = await commit(fixture, "Side \u001b[2J <>");
    assert.equal(await subjectsBetween(ledger, first, second), { added: ["Second"], removed: [], isCut: false });
    assert.equal(await subjectsBetween(ledger, second, first), { added: [], removed: ["Second"], isCut: false });
    assert.equal(await subjectsBetween(ledger, second, side), {
      added: ["Side \u001b[2J <>"],
      removed: ["Second"],
      isCut: false,
    });
    await fixture.gitIn(work, "merge", "-q", "-m", "Both", second.commit ?? "");
    assert.equal(await subjectsBetween(ledger, side, await bring(fixture)), {
      added: ["Both", "Second"],
      removed: [],
      isCut: false,
    });
    await fixture.gitIn(work, "checkout", "-q", "--orphan", "other");
    const other = await commit(fixture, "Other");
    assert.equal(await subjectsBetween(ledger, second, other), {
      added: ["Other"],
      removed: ["Second", "code"],
      isCut: false,
    });
    assert.equal(await subjectsBetween(ledger, NOTHING, second), {
      added: ["Second", "code"],
      removed: [],
      isCut: false,
    });
    assert.equal(await subjectsBetween(ledger, second, NOTHING), {
      added: [],
      removed: ["Second", "code"],
      isCut: false,
    });
    assert.equal(await subjectsBetween(ledger, NOTHING, NOTHING), { added: [], removed: [], isCut: false });
    const [{ oid, author, createdAt } = { oid: "", author: null, createdAt: 0 }] = (
      await ledger.history.commitsBetween(first, second)
    ).added;
    assert.equal([oid, author], [second.commit, { name: "Dev", email: "dev@example.com" }]);
    assert.ok(Math.abs(Date.now() - createdAt) < 3_600_000);
  });

  test("the subject of a commit is what git calls so", async (t) => {
    const fixture = await makeFixture(t);
    await makeCode(fixture, { a: "1" });
    for (const message of ["One line", "Two\nlines of a subject\n\nBody", "\n\n  Leading\n \nrest", "Žluť 🐎"]) {
      const { commit: oid = "" } = await commit(fixture, message);
      const git = (await fixture.git("log", "-1", "--format=%s", oid)).replace(/\n$/, "");
      assert.is(await fixture.ledger.history.subject(oid), git, message);
    }
    assert.is(await fixture.ledger.history.subject("0".repeat(40)), undefined);
  });

  test("a patch is git's, byte by byte, coloured on request, and no longer than allowed", async (t) => {
    const fixture = await makeFixture(t);
    const before = codeOf(await makeCode(fixture, { a: "caf\xe9\n", b: "x\n".repeat(20_000) }));
    const after = codeOf(await makeCode(fixture, { a: "tea\n", b: "y\n".repeat(20_000) }));
    const patch = async (colours: boolean, bytesMax = 1e9): Promise<string> => {
      const chunks: Buffer[] = [];
      for await (const chunk of fixture.ledger.history.patch([before, after], { colours, bytesMax }))
        chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    const trees = [before.tree ?? "", after.tree ?? ""];
    assert.is(await patch(false), await fixture.git("diff", ...trees));
    assert.is(await patch(true), await fixture.git("diff", "--color=always", ...trees));
    assert.match(String(await rejects(patch(false, 100_000))), "more than 100000 bytes");
    assert.equal(await running(fixture, "diff"), []);
  });

  test("what would fill the memory is refused", async (t) => {
    const fixture = await makeFixture(t);
    const first = codeOf(await makeCode(fixture, { a: "1" }));
    const message = join(fixture.home, "message");
    await writeFile(message, "long ".repeat(7 * 1024 * 1024));
    const parent = first.commit ?? "";
    const oid = (await fixture.git("commit-tree", "-p", parent, "-F", message, `${parent}^{tree}`)).trim();
    const long = { commit: oid, tree: first.tree };
    const refusal = await refuses("invalid_params", () => fixture.ledger.history.commitsBetween(first, long));
    assert.is(refusal.message, "These releases differ in too much to be listed.");
  });

  test("a git that fails says why, and one that nobody reads ends", async (t) => {
    const fixture = await makeFixture(t);
    const repository = openRepository(fixture.repo, NED);
    const drain = async (args: string[]): Promise<void> => {
      for await (const chunk of gitOutput(repository, args)) assert.ok(chunk);
    };
    assert.match(String(await rejects(drain(["log", "nonsense"]))), /git log failed: fatal: .*nonsense/);
    const endless = gitOutput(repository, ["cat-file", "--batch-check", "--batch-all-objects", "--unordered"]);
    await endless.next();
    await endless.return(undefined);
    const missing = { ...repository, env: { PATH: "/nonexistent" } };
    assert.match(String(await rejects(gitOutput(missing, ["log"]).next())), "ENOENT");
  });
});

type Lines = Record<string, string>;

/** Appends a release with these lines of config and resolves with its version. */
async function setLines(ledger: Ledger, lines: Lines, more: Partial<NewRelease> = {}): Promise<number> {
  const configEnv = Object.entries(lines)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
  const release = await ledger.append(async ({ current }) => {
    if (current === undefined) throw new Error("There is no release.");
    return {
      change: "config",
      description: "Config",
      by: NED,
      via: "local",
      status: "succeeded",
      code: undefined,
      snapshot: { ...(await ledger.snapshot(current)), configEnv },
      ...more,
    };
  });
  return release?.version ?? 0;
}

/** `v3 A - -> '1'` for each change. */
async function steps(ledger: Ledger): Promise<string[]> {
  const current = await ledger.current();
  const found: string[] = [];
  if (current === undefined) return found;
  for await (const step of ledger.history.configSteps(current)) found.push(...formatStep(step));
  return found;
}

function valueIn(line: string | undefined): string {
  return line?.slice(2) ?? "-";
}

function formatStep({ release, changes }: ConfigStep): string[] {
  return [...changes].map(
    ([name, { before, after }]) => `v${String(release.version)} ${name} ${valueIn(before)} -> ${valueIn(after)}`,
  );
}

const FAILED = { status: "failed" } as const;

describe("ledger history: config", (test) => {
  test("each release that ran, newest first, with the lines that it changed; no others", async (t) => {
    const { ledger } = await makeFixture(t);
    assert.equal(await steps(ledger), []);
    await setLines(ledger, { A: "1" });
    await setLines(ledger, { A: "1", B: "1" });
    await setLines(ledger, { A: "1", B: "1" });
    await setLines(ledger, { A: "2", B: "1" });
    await setLines(ledger, { B: "1" });
    assert.equal(await steps(ledger), ["v6 A '2' -> -", "v5 A '1' -> '2'", "v3 B - -> '1'", "v2 A - -> '1'"]);
  });

  test("a failed release changes nothing, whatever comes after it", async (t) => {
    const { ledger } = await makeFixture(t);
    await setLines(ledger, { A: "1" });
    await setLines(ledger, { A: "failed" }, FAILED);
    assert.equal(await steps(ledger), ["v2 A - -> '1'"]);
    await setLines(ledger, { A: "1", B: "1" });
    assert.equal(await steps(ledger), ["v4 A '1' -> '1'", "v4 B - -> '1'", "v2 A - -> '1'"]);
    await setLines(ledger, { A: "x", B: "1" }, FAILED);
    await setLines(ledger, { A: "y", B: "1" }, FAILED);
    await setLines(ledger, { A: "3", B: "1" });
    assert.equal((await steps(ledger))[0], "v7 A '1' -> '3'");
  });

  test("what a failed release brought is set by the next good one that still has it", async (t) => {
    const { ledger } = await makeFixture(t);
    await setLines(ledger, { A: "1" });
    await setLines(ledger, { A: "2" }, FAILED);
    await setLines(ledger, { A: "2" }, FAILED);
    await setLines(ledger, { A: "2" });
    await setLines(ledger, { A: "2" });
    assert.equal(await steps(ledger), ["v5 A '1' -> '2'", "v2 A - -> '1'"]);
    await setLines(ledger, { A: "3" });
    assert.equal(await steps(ledger), ["v7 A '2' -> '3'", "v5 A '1' -> '2'", "v2 A - -> '1'"]);
  });

  test("a reader who stops leaves no process behind; names and messages cannot forge a step", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const by = { name: "Eve\nB='2'", email: "+A='9'" };
    for (let n = 0; n < 40; n += 1) {
      await setLines(ledger, { A: String(n) }, { by, description: "x\n+A='8'\n-B='7'\n\0v9" });
    }
    const current = await ledger.current();
    if (current === undefined) throw new Error("There is a release.");
    for await (const { release, changes } of ledger.history.configSteps(current)) {
      assert.is(release.version, 41);
      assert.equal([...changes], [["A", { before: "A='38'", after: "A='39'" }]]);
      break;
    }
    assert.equal(await running(fixture, "log"), []);
    assert.is((await steps(ledger)).length, 40);
  });
});
