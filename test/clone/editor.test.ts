/** Which editor opens, as `git var GIT_EDITOR` has it, and what becomes of its exit status. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findEditor, runEditor } from "../../src/clone/editor.ts";
import type { Place } from "../../src/clone/git.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";

async function place(t: TestContext, env: Record<string, string> = {}, config = ""): Promise<Place> {
  const home = await t.tempDir();
  const cwd = join(home, "work");
  await mkdir(cwd);
  await writeFile(join(home, ".gitconfig"), config);
  return { cwd, env: { PATH: process.env["PATH"], HOME: home, GIT_CONFIG_NOSYSTEM: "1", TERM: "xterm", ...env } };
}

describe("editor", (test) => {
  test("is the one that git would open", async (t) => {
    const config = "[core]\n\teditor = configured --wait\n";
    const all = { GIT_EDITOR: "first", VISUAL: "third", EDITOR: "fourth" };
    assert.is(findEditor(await place(t, all, config), false), "first");
    assert.is(findEditor(await place(t, { VISUAL: "third", EDITOR: "fourth" }, config), false), "configured --wait");
    assert.is(findEditor(await place(t, { VISUAL: "third", EDITOR: "fourth" }), false), "third");
    assert.is(findEditor(await place(t, { VISUAL: "third", EDITOR: "fourth", TERM: "dumb" }), false), "fourth");
    assert.ok(findEditor(await place(t), true).length > 0, "git's own choice, where somebody can type");
  });

  test("there is none without a choice and a terminal", async (t) => {
    const error = await refuses("unavailable", async () => findEditor(await place(t), false));
    assert.is(error.message, "There is no terminal to edit in.");
    for (const env of [{ TERM: "dumb" }, { TERM: "dumb", VISUAL: "third" }]) {
      const none = await refuses("unavailable", async () => findEditor(await place(t, env), true));
      assert.match(none.message, "No editor was found.");
    }
  });

  test("gets the path as one word, whatever is in it; its failure is told", async (t) => {
    const here = await place(t);
    const path = join(here.cwd, "it's $(a) file.env");
    await writeFile(path, "A=1\n");
    await runEditor(here, "sed -i s/1/2/", path);
    assert.is(await readFile(path, "utf8"), "A=2\n");
    for (const [editor, status] of [
      ["false", "status 1"],
      ["kill -9 $$;", "SIGKILL"],
    ] as const) {
      const error = await refuses("bad_request", () => runEditor(here, editor, path));
      assert.is(error.message, `The editor ended with ${status}, so nothing was changed.`);
    }
  });
});
