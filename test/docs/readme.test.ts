/** README.md and the other pages against the product: the commands they name exist, all of them are named, and the
 *  session at the top is what the story's session shows. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadCommand } from "../../src/cli/command-list.ts";
import { listEverything } from "../../src/cli/help-command.ts";
import { describe } from "../support/suite.ts";
import { matches, parseTranscript, ROOT } from "../support/transcript.ts";
import { codeIn, readPage, tableUnder } from "./markdown.ts";

const README = await readPage("README.md");

/** The command's own name, also when it is called by another one; `help` is not in the list of commands. */
async function properName(word: string): Promise<string> {
  return word === "help" ? word : (await loadCommand(word)).command.name;
}

async function pages(): Promise<string[]> {
  const below = await readdir(join(ROOT, "docs"), { recursive: true });
  return ["README.md", "CHANGELOG.md", ...below.filter((path) => path.endsWith(".md")).map((path) => `docs/${path}`)];
}

describe("readme", (test) => {
  test("the table of commands names every command, and no other", async () => {
    const words = tableUnder(README, /^\| command /).flatMap(([column = ""]) =>
      codeIn(column).map((code) => code.split(" ")[0] ?? ""),
    );
    const named = await Promise.all(words.map((word) => properName(word)));
    const real = (await listEverything()).map(({ command }) => command.name);
    assert.equal(named.sort(), real.sort());
  });

  test("every page speaks only of commands that there are", async () => {
    for (const page of await pages()) {
      for (const [, word = ""] of (await readPage(page)).matchAll(/git heroku ([a-z][a-z:-]*)/g)) {
        await properName(word).catch(() => assert.unreachable(`${page}: git heroku ${word}`));
      }
    }
  });

  test("the session at its top is what the product shows", async () => {
    const session = /```console\n([\s\S]*?)```/.exec(README)?.[1] ?? "";
    const story = parseTranscript(await readPage("test/transcripts/story.txt")).steps;
    const shown = story.flatMap((step) => step.expected).filter((line) => line !== "...");
    const steps = parseTranscript(session).steps;
    assert.ok(steps.length > 0);
    for (const { command, expected } of steps) {
      assert.ok(
        story.some((step) => step.command.includes(command)),
        command,
      );
      for (const line of expected.filter((text) => text !== "…")) {
        assert.ok(
          shown.some((pattern) => matches([pattern], [line])),
          line,
        );
      }
    }
  });

  test("every variable of its table is read by a program", async () => {
    const sources = (await readdir(join(ROOT, "src"), { recursive: true })).filter((path) => path.endsWith(".ts"));
    const text = (await Promise.all(sources.map((path) => readPage(join("src", path))))).join("\n");
    const names = tableUnder(README, /^\| variable /).map(([name = ""]) => codeIn(name)[0] ?? "");
    assert.ok(names.length > 0);
    for (const name of names) assert.ok(text.includes(`["${name}"]`), name);
  });
});
