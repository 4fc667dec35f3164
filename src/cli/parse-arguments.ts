/** Reads the words after a command's name, with the parser of yargs: no guessing of types, no unknown options. yargs
 *  itself costs a third of a Node start, so it is asked only when something is wrong, for the words to say it; and the
 *  parser is the one without files, whose other entry loads a module of Node for them. */
import parseWords from "yargs-parser/browser";
import { AppError } from "../core/error.ts";
import type { Arguments, Command, Option } from "./command.ts";
import { usageLine } from "./help-text.ts";

/** What yargs would otherwise do to `v=01`, `--a.b` and `-n 1 -n 2`. */
const LITERAL = {
  "boolean-negation": false,
  "camel-case-expansion": false,
  "dot-notation": false,
  "greedy-arrays": false,
  "parse-numbers": false,
  "parse-positional-numbers": false,
};

/** @throws AppError usage. */
export async function parseArguments(command: Command, words: readonly string[]): Promise<Arguments> {
  const end = command.trailing === undefined ? -1 : words.indexOf("--");
  const own = end === -1 ? words : words.slice(0, end);
  const values = readOptions(command, own) ?? (await readStrictly(command, own));
  const given = (option: string): unknown[] => [values[option]].flat().filter((value) => value !== undefined);
  const named = command.options.filter(({ isWord }) => isWord).flatMap(({ name }) => given(name));
  const positional = [...named, ...(values["_"] as unknown[])].map(String);
  checkCount(command, positional);
  const texts = (option: string): string[] => given(option).filter((value) => typeof value === "string");
  return {
    words: positional,
    trailing: end === -1 ? [] : words.slice(end + 1),
    has: (option) => given(option).at(-1) === true,
    value: (option) => texts(option).at(-1),
    values: texts,
  };
}

/** Undefined when yargs would complain. */
function readOptions({ options }: Command, words: readonly string[]): Record<string, unknown> | undefined {
  const valued = options.filter((option) => option.value !== undefined).map((option) => option.name);
  const { argv, error } = parseWords.detailed([...words], {
    configuration: LITERAL,
    alias: Object.fromEntries(options.map((option) => [option.name, otherNames(option)])),
    boolean: options.filter((option) => option.value === undefined).map((option) => option.name),
    string: valued,
    array: options.filter((option) => option.many === true).map((option) => option.name),
    // What yargs makes of `requiresArg`: one value or, for an array, at least one.
    narg: Object.fromEntries(valued.map((name) => [name, Number.NaN])),
  });
  const known = new Set(["_", ...options.flatMap((option) => [option.name, ...otherNames(option)])]);
  return error === null && Object.keys(argv).every((key) => known.has(key)) ? argv : undefined;
}

function otherNames({ short, also = [] }: Option): string[] {
  return [...(short === undefined ? [] : [short]), ...also];
}

/** @throws AppError usage, in yargs's words */
async function readStrictly(command: Command, words: readonly string[]): Promise<Record<string, unknown>> {
  const { default: yargs } = await import("yargs");
  const parser = yargs().parserConfiguration(LITERAL).detectLocale(false).help(false).version(false);
  parser.exitProcess(false).fail(false).strictOptions();
  for (const option of command.options) {
    parser.option(option.name, {
      alias: otherNames(option),
      ...(option.value === undefined ? { type: "boolean" } : { type: "string", requiresArg: true }),
      ...(option.many === true && { array: true }),
      describe: option.summary,
    });
  }
  try {
    return await parser.parseAsync([...words]);
  } catch (error) {
    throw usageError(command, error instanceof Error ? error.message : String(error));
  }
}

function checkCount(command: Command, words: readonly string[]): void {
  const parameters = command.parameters?.split(" ") ?? [];
  const missing = parameters.filter((parameter) => parameter.startsWith("<"))[words.length];
  if (missing !== undefined) throw usageError(command, `${command.name} needs ${missing}`);
  const extra = parameters.some((parameter) => parameter.includes("...")) ? undefined : words[parameters.length];
  if (extra !== undefined) throw usageError(command, `${command.name} does not take ${JSON.stringify(extra)}`);
}

/** A mistake in the words themselves: exit status 2, and how it should have been. */
export function usageError(command: Command, message: string): AppError {
  return new AppError("usage", message.endsWith(".") ? message : `${message}.`, {
    hint: `Usage: ${usageLine(command)}`,
  });
}

/** A whole number given to an option.
 *  @throws AppError usage for anything else. */
export function countOption(
  command: Command,
  args: Arguments,
  { name, usual, min = 1, max }: { name: string; usual: number; min?: number; max: number },
): number {
  const text = args.value(name);
  if (text === undefined) return usual;
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : -1;
  if (number >= min && number <= max) return number;
  throw usageError(
    command,
    `--${name} takes a number from ${String(min)} to ${String(max)}, not ${JSON.stringify(text)}`,
  );
}
