/** The words of a command are read by yargs's parser alone; yargs whole must read the same, or refuse the same. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import yargs from "yargs";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../../src/cli/command.ts";
import { parseArguments } from "../../src/cli/parse-arguments.ts";
import { AppError } from "../../src/core/error.ts";
import { describe } from "../support/suite.ts";

const COMMAND: Command = {
  name: "try",
  topic: "Help",
  summary: "Try",
  parameters: "[word...]",
  options: [
    ...APP_OPTIONS,
    JSON_OPTION,
    { name: "num", short: "n", value: "N", summary: "a number" },
    { name: "var-name", value: "VAR", many: true, summary: "several" },
  ],
  examples: [],
  run: () => Promise.resolve(0),
};
const OPTIONS = COMMAND.options.map(({ name }) => name);
const WORDS = (
  "-a --app --app= --app=x -ax -a=x -an --json --json=true --json=no --no-json -n -n5 -n=05 --num --var-name " +
  "--var-name=A --varName --a.b --x -x - -- -1 foobaz A=1 007 true __proto__ --__proto__ --constructor=1 --app.x=1"
)
  .split(" ")
  .concat("", "x y");

async function viaYargs(words: readonly string[]): Promise<unknown> {
  const parser = yargs()
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "greedy-arrays": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .detectLocale(false)
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail(false)
    .strictOptions();
  for (const { name, short, value, many } of COMMAND.options) {
    parser.option(name, {
      ...(short === undefined ? {} : { alias: short }),
      ...(value === undefined ? { type: "boolean" } : { type: "string", requiresArg: true }),
      ...(many === true && { array: true }),
    });
  }
  try {
    const read = await parser.parseAsync([...words]);
    return [read._.map(String), ...OPTIONS.map((name) => [read[name]].flat().filter((value) => value !== undefined))];
  } catch (error) {
    return `${(error as Error).message}.`;
  }
}

async function viaOurs(words: readonly string[]): Promise<unknown> {
  try {
    const read = await parseArguments(COMMAND, words);
    return [read.words, ...OPTIONS.map((name) => [read.values(name), read.has(name), read.value(name)])];
  } catch (error) {
    if (error instanceof AppError && error.id === "usage") return error.message;
    throw error;
  }
}

function seen(read: unknown): unknown {
  if (!Array.isArray(read)) return read;
  const [words, ...options] = read as [string[], ...unknown[][]];
  return [
    words,
    ...options.map((given) => {
      const texts = given.filter((value) => typeof value === "string");
      return [texts, given.at(-1) === true, texts.at(-1)];
    }),
  ];
}

describe("a command's words", (test) => {
  test("are read as yargs reads them, and refused in its words", async () => {
    const words = fc.array(fc.constantFrom(...WORDS), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(words, async (words) => assert.equal(await viaOurs(words), seen(await viaYargs(words)))),
      { numRuns: 500 },
    );
  });
});
