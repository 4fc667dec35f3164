/** The transcript runner itself, and the sessions under test/transcripts that need the client alone. */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { rejects } from "../support/assert.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { describe } from "../support/suite.ts";
import { formatTranscript, makeStage, matches, parseTranscript, ROOT, runTranscript } from "../support/transcript.ts";

describe("transcript runner", (test) => {
  test("wildcards: [..] within a line, ... for lines", () => {
    assert.is(matches(["a[..]c"], ["abbbc"]), true);
    assert.is(matches(["a.c"], ["abc"]), false);
    assert.is(matches(["a", "...", "z"], ["a", "b", "c", "z"]), true);
    assert.is(matches(["..."], []), true);
    assert.is(matches(["...", "z"], ["a"]), false);
    assert.is(matches(["a"], ["a", "b"]), false);
    assert.is(matches(["a", "[1]"], ["a"]), false);
  });

  test("reads and writes a file back unchanged", () => {
    const text = "# A title\n\n$ one\nout\n\nput\n\n# More\n$ two\n[1]\n$ three\n";
    const { steps, rest } = parseTranscript(text);
    assert.equal(
      steps.map(({ command, expected }) => [command, expected]),
      [
        ["one", ["out", "", "put"]],
        ["two", ["[1]"]],
        ["three", []],
      ],
    );
    assert.is(formatTranscript(steps, rest), text);
  });

  test("runs commands in one directory, both streams together, and sees the exit status", async (t) => {
    const directory = await t.tempDir();
    const file = join(directory, "session.txt");
    await writeFile(file, "$ echo out; echo err >&2; false\nout\nerr\n[1]\n$ echo x > made\n$ cat made\nx\n");
    await runTranscript(file, await makeStage(directory), false);
    await writeFile(file, "$ echo other\nexpected\n");
    assert.match(
      String(await rejects(runTranscript(file, await makeStage(await t.tempDir()), false))),
      /expected:\n {4}expected\n {2}actual:\n {4}other\n/,
    );
  });
});

describe("transcripts", (test) => {
  for (const name of ["help", "client"]) {
    test(name, async (t) => {
      const directory = await t.tempDir();
      const fake = await FakePlatform.start(join(directory, "platform"));
      t.after(() => fake.stop());
      const foobaz = fake.addApp("foobaz");
      fake.addRelease(foobaz, "Config add FOO");
      const line = {
        ts: "2011-06-18T08:21:37.000001Z",
        ps: "api",
        source: "heroku",
        msg: "Release v2 created by ned@foobazco.com",
      };
      foobaz.logs = Array.from({ length: 3000 }, () => JSON.stringify(line));
      const stage = await makeStage(directory, { GIT_HEROKU_HOME: fake.home });
      await runTranscript(join(ROOT, "test", "transcripts", `${name}.txt`), stage);
    });
  }
});

describe("help", (test) => {
  test("fits a terminal of 80 columns", async () => {
    const text = await readFile(join(ROOT, "test", "transcripts", "help.txt"), "utf8");
    assert.equal(
      text.split("\n").filter((line) => line.length > 80),
      [],
    );
  });
});

describe("manual page", (test) => {
  test("is built and tells of every command", async () => {
    const page = await readFile(join(ROOT, "dist", "man", "git-heroku.1"), "utf8");
    assert.match(page, /^\.TH GIT-HEROKU 1 /);
    for (const line of page.split("\n").filter((line) => /^[.']/.test(line))) {
      assert.match(line, /^\.(TH|SH|SS|TP|PP|B|BR|nf|fi)( |$)/);
    }
    assert.match(page, "git heroku ps:scale [type=count...] [options]");
    assert.match(page, "\n.SH EXIT STATUS\n");
  });

  const groff = spawnSync("groff", ["--version"]).status === 0 ? undefined : "groff";
  test.needing(groff, "is rendered without a complaint", () => {
    const path = join(ROOT, "dist", "man", "git-heroku.1");
    const run = spawnSync("groff", ["-man", "-Tascii", "-ww", path], { encoding: "utf8" });
    assert.equal([run.status, run.stderr], [0, ""]);
    assert.match(run.stdout, "git heroku config:add FOO=baz");
  });
});
