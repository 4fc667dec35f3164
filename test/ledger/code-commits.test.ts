/** Commits read without `git log`, and differences asked of a git that stays. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Code } from "../../src/ledger/code-diff.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { makeCode, makeFixture } from "./fixture.ts";

const codeOf = ({ oid, tree }: { oid: string; tree: string }): Code => ({ commit: oid, tree });

describe("code commits", (test) => {
  test("many commits, odd ones and two questions at once are told as git tells them", async (t) => {
    const fixture = await makeFixture(t);
    const { history } = fixture.ledger;
    const work = join(fixture.home, "work");
    const commit = async (subject: string, ...more: string[]): Promise<Code> => {
      await fixture.gitIn(work, "commit", "-q", "--allow-empty", "-m", subject, ...more);
      await fixture.gitIn(fixture.repo, "fetch", "-q", work, "HEAD");
      return { commit: (await fixture.gitIn(work, "rev-parse", "HEAD")).trim(), tree: undefined };
    };
    const first = codeOf(await makeCode(fixture, { a: "1" }));
    const odd = [await commit("Žluť"), await commit(" \n\n  Two\nlines ")];
    await fixture.gitIn(work, "config", "i18n.commitEncoding", "ISO-8859-1");
    odd.push(await commit("caf\xe9"), await commit("x", "--author", "A. B.  <a b@c>"));
    for (let n = 0; n < 20; n += 1) odd.push(await commit(`Number ${String(n)}`));
    for (const to of odd) {
      const range = `${first.commit ?? ""}..${to.commit ?? ""}`;
      const lines = await fixture.git("log", "-z", "--encoding=UTF-8", "--format=format:%H|%an|%ae|%at000|%s", range);
      const { added } = await history.commitsBetween(first, to);
      assert.equal(
        added.map((one) => [one.oid, one.author.name, one.author.email, one.createdAt, one.subject].join("|")),
        lines.split("\0"),
      );
    }
    const second = codeOf(await makeCode(fixture, { a: "2" }));
    const asked = Array.from({ length: 3 }, () => history.changedFiles(first, second));
    for (const files of await Promise.all(asked))
      assert.equal(
        files.map(({ path, added }) => [path, added]),
        [["a", 1]],
      );
    const gone: Code = { commit: "1".repeat(40), tree: "2".repeat(40) };
    assert.match(String(await rejects(history.changedFiles(first, gone))), "git diff failed: fatal: bad object");
    assert.is((await history.changedFiles(first, second)).length, 1);
  });
});
