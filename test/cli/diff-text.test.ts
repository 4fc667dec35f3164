/** The difference of two releases as text, from answers of the API. */
import * as assert from "uvu/assert";
import type { FileItem, ReleaseDiff } from "../../src/api/history-resources.ts";
import type { ReleaseItem } from "../../src/api/resources.ts";
import { formatDiffStat, quotePath } from "../../src/cli/diff-stat.ts";
import { formatDiff } from "../../src/cli/diff-text.ts";
import { NOW } from "../support/cli.ts";
import { describe } from "../support/suite.ts";

const plain = (text: string): string => text;

function release(version: number, description: string, more: Partial<ReleaseItem> = {}): ReleaseItem {
  return {
    id: "",
    version,
    description,
    user: { id: "", email: "ned@foobazco.com" },
    created_at: "2011-06-19T08:35:19Z",
    status: "succeeded",
    current: false,
    eligible_for_rollback: true,
    addon_plan_names: [],
    commit: null,
    change: "deploy",
    via: "local",
    ...more,
  };
}

function diff(more: Partial<ReleaseDiff>): ReleaseDiff {
  return {
    base: release(9, "Deploy d706b4a"),
    release: release(10, "Deploy 20a5742", { current: true }),
    commits: { added: [], removed: [], truncated: false },
    files: [],
    totals: { files: 0, added: 0, removed: 0 },
    lock_files: [],
    config: { added: [], changed: [], removed: [] },
    process_types: [],
    addons: [],
    ...more,
  };
}

function file(path: string, added: number | null, removed: number | null, more: Partial<FileItem> = {}): FileItem {
  return { path, previous_path: null, status: "changed", binary: added === null, added, removed, ...more };
}

function commit(id: string, subject: string, name = "Ned"): ReleaseDiff["commits"]["added"][number] {
  return { id: id.repeat(40), subject, author: { name, email: "" }, created_at: "" };
}

const HEAD =
  "=== v9 to v10\n" +
  "v9   Deploy d706b4a by ned@foobazco.com, 1 minute ago\n" +
  "v10  Deploy 20a5742 by ned@foobazco.com, 1 minute ago, current\n";

describe("diff text", (test) => {
  test("two equal releases", () => {
    assert.is(formatDiff(diff({}), { now: NOW, paint: plain }), `${HEAD}\nNothing differs.\n`);
  });

  test("a section for each kind of change, and none for what is the same", () => {
    const text = formatDiff(
      diff({
        commits: { added: [commit("a", "New")], removed: [commit("b", "Old")], truncated: true },
        files: [
          file("greeting.js", 2, 1),
          file("new.txt", 0, 0, { previous_path: "old.txt", status: "renamed" }),
          file("logo.png", null, null),
        ],
        totals: { files: 3, added: 2, removed: 1 },
        lock_files: [
          {
            path: "package-lock.json",
            status: "changed",
            problem: null,
            changes: [
              { name: "express", from: "4.17.1", to: "4.18.2" },
              { name: "gone", from: "1.0.0", to: null },
              { name: "new", from: null, to: "2.0.0" },
            ],
          },
          { path: "a/yarn.lock", status: "changed", problem: "too large to compare", changes: [] },
          { path: "go.mod", status: "added", problem: null, changes: [{ name: "x", from: null, to: "v1" }] },
        ],
        config: { added: ["NEW"], changed: ["CHANGED"], removed: ["A_REMOVED"] },
        process_types: [{ name: "web", from: "node a.js", to: "node b.js" }],
        addons: [{ name: "memcache", from: null, to: "{}" }],
      }),
      { now: NOW, paint: plain },
    );
    assert.is(
      text,
      `${HEAD}
=== Commits
< bbbbbbb Old (Ned)
> aaaaaaa New (Ned)
… and more; \`git log\` in a clone lists all

=== Files
 greeting.js        |   3 ++-
 old.txt => new.txt |   0
 logo.png           | Bin
 3 files changed, 2 insertions(+), 1 deletion(-)

=== Dependencies in package-lock.json
~ express 4.17.1 -> 4.18.2
- gone    1.0.0
+ new     2.0.0

=== Dependencies in a/yarn.lock
too large to compare

=== Dependencies in go.mod
+ 1 package

=== Config vars
- A_REMOVED
~ CHANGED
+ NEW

=== Process types
~ web node a.js -> node b.js

=== Add-ons
+ memcache
`,
    );
  });

  test("values of config vars when they are given", () => {
    const config = { added: ["NEW"], changed: ["CHANGED"], removed: ["GONE"] };
    const values = { base: { CHANGED: "1", GONE: "x\ny" }, release: { CHANGED: "2", NEW: "n" } };
    assert.match(
      formatDiff(diff({ config }), { now: NOW, paint: plain, values }),
      "~ CHANGED => 2 (was 1)\n- GONE    => x\\ny\n+ NEW     => n\n",
    );
  });

  test("what people wrote cannot make up lines", () => {
    const evil = "\n=== Config vars\n+ FORGED\u001b[2J";
    const text = formatDiff(
      diff({
        release: release(10, `Deploy${evil}`, { status: "failed" }),
        commits: { added: [commit("a", evil, `Ned${evil}`)], removed: [], truncated: false },
        files: [file(`a${evil}`, 1, 0), file("b", 0, 1, { previous_path: `c${evil}` })],
        totals: { files: 2, added: 1, removed: 1 },
        lock_files: [
          {
            path: `x${evil}/yarn.lock`,
            status: "changed",
            problem: null,
            changes: [{ name: `n${evil}`, from: `f${evil}`, to: `t${evil}` }],
          },
        ],
        process_types: [{ name: "web", from: null, to: `run${evil}` }],
      }),
      { now: NOW, paint: plain },
    );
    assert.equal(
      text.split("\n").filter((line) => line.startsWith("+ FORGED") || line === "=== Config vars"),
      [],
    );
    assert.not.ok(text.includes("\u001b"));
    assert.match(text, /^v10 {2}Deploy === Config vars \+ FORGED \[2J by .*, failed$/m);
    assert.match(text, '"a\\n=== Config vars\\n+ FORGED\\033[2J"');
  });

  test("file names are quoted as git quotes them", () => {
    for (const [path, quoted] of [
      ["plain name.txt", "plain name.txt"],
      ["grün/日本", "grün/日本"],
      ["a\tb", '"a\\tb"'],
      ['say "hi"\\', '"say \\"hi\\"\\\\"'],
      ["\u0001\u007f", '"\\001\\177"'],
      ["\u202egnp.exe", '"\\342\\200\\256gnp.exe"'],
      ["\u009b31m", '"\\302\\23331m"'],
    ] as const) {
      assert.is(quotePath(path), quoted);
    }
  });

  test("the graph is scaled to its width and shows every change; long names lose their beginning", () => {
    const long = `${"directory/".repeat(8)}name.js`;
    const text = formatDiffStat(
      [file(long, 3000, 1000), file("a", 1, 0)],
      { files: 5, added: 3001, removed: 1000 },
      (words, colour) => `<${colour}>${words}</>`,
    );
    assert.is(
      text,
      ` ...${long.slice(-47)} | 4000 <green>${"+".repeat(18)}</><red>${"-".repeat(6)}</>\n` +
        ` ${"a".padEnd(50)} |    1 <green>+</>\n` +
        " … and 3 more\n 5 files changed, 3001 insertions(+), 1000 deletions(-)\n",
    );
    const none = { files: 1, added: 0, removed: 0 };
    assert.match(formatDiffStat([file("x", 0, 0)], none, plain), " 1 file changed, 0 insertions(+), 0 deletions(-)\n");
  });
});
