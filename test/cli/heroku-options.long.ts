/** Options, arguments and names of commands as Heroku's own client declares them, beside ours of the same name: what stands in people's
 *  scripts is understood, or it is in the list of what is left out. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { loadAllCommands } from "../../src/cli/command-list.ts";
import type { Command } from "../../src/cli/command.ts";
import { fetchHeroku } from "../support/heroku-cli.ts";
import { describe } from "../support/suite.ts";

interface Declared {
  aliases?: string[];
  hiddenAliases?: string[];
  flags?: Record<string, { char?: string; hidden?: boolean }>;
}

/** About what there is not: teams, spaces, regions, sizes, stacks, add-ons, certificates, single sign-on, a browser. */
const NOT_THERE = new Set(["team", "space", "personal", "all", "region", "stack", "addons", "size", "cert", "browser"]);
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  "apps:transfer": ["bulk", "locked"],
  // How long a token lasts is decided where it is made.
  "auth:login": ["expires-in"],
  // A table's options, which no other command of Heroku's has; --json is for programs.
  domains: ["columns", "csv", "extended", "filter", "sort"],
};

const { script = "", missing } = await fetchHeroku();

describe("Heroku's options", (test) => {
  test.needing(missing, "are understood by the command of the same name, or left out for a reason", async () => {
    const manifest = JSON.parse(await readFile(join(dirname(script), "..", "oclif.manifest.json"), "utf8")) as {
      commands: Record<string, Declared>;
    };
    const ours = new Map<string, Command>();
    for (const { command, aliases } of await loadAllCommands())
      for (const name of [command.name, ...aliases]) ours.set(name, command);
    let compared = 0;
    for (const [name, declared] of Object.entries(manifest.commands)) {
      const names = [name, ...(declared.aliases ?? []), ...(declared.hiddenAliases ?? [])];
      const command = names.map((one) => ours.get(one)).find((one) => one !== undefined);
      if (command === undefined) continue;
      compared += 1;
      for (const one of names) assert.is(ours.get(one), command, `${one} is ${name}`);
      assert.equal(missingFlags(command, declared), [...(LEFT_OUT[name] ?? [])].sort(), name);
    }
    assert.ok(compared > 40, `${String(compared)} commands have Heroku's names`);
  });
});

/** Names, and with a blank the short ones of those whose long one is known. */
function missingFlags({ options }: Command, { flags = {} }: Declared): string[] {
  const known = new Set(options.flatMap(({ name, short, also = [] }) => [name, short, ...also]));
  return Object.entries(flags)
    .filter(([name, { hidden }]) => hidden !== true && name !== "prompt" && !NOT_THERE.has(name))
    .flatMap(([name, { char }]) => {
      if (!known.has(name)) return [name];
      return char === undefined || known.has(char) ? [] : [`${name} -${char}`];
    })
    .sort();
}
