/** What a shell needs to know of the commands, read from their definitions: docs/decisions/143-completion.md. */
import type { Command, Completes, Option } from "./command.ts";
import type { ListedCommand } from "./help-text.ts";

export interface CompletedCommand {
  /** Its name, then what else it is called: those are understood, and not offered. */
  names: readonly [string, ...string[]];
  summary: string;
  options: readonly CompletedOption[];
  /** What its words may be; undefined when it takes none, or nobody can know them. */
  words: Completes | undefined;
}

export interface CompletedOption extends Option {
  /** What its value may be; undefined for a switch, or when nobody can know it. */
  values: Completes | undefined;
}

/** What parameters and values are called in the help tells what they are, where the definition says nothing else. */
const BY_WORD: Readonly<Record<string, Completes>> = {
  file: "files",
  dir: "files",
  place: "files",
  command: "files",
  version: "releases",
  vn: "releases",
  vgood: "releases",
  vbad: "releases",
  type: "types",
  "type=count": "types=",
  process: "processes",
  "process|type": "processes",
};

const HELP: Option = { name: "help", short: "h", summary: "show the help of the command" };

export function completedCommands(listed: readonly ListedCommand[]): CompletedCommand[] {
  return listed.map(({ command, aliases }) => ({
    names: [command.name, ...aliases],
    summary: command.summary,
    options: [...command.options, HELP].map((option) => Object.assign({ values: valuesOf(option) }, option)),
    words: wordsOf(command),
  }));
}

function valuesOf({ completes, value }: Option): Completes | undefined {
  return value === undefined ? undefined : (completes ?? BY_WORD[value.toLowerCase()]);
}

function wordsOf({ completes, parameters = "" }: Command): Completes | undefined {
  const [, first = ""] = /^[<[]([^>\]]*?)(?:\.\.\.)?[>\]]/.exec(parameters) ?? [];
  return completes ?? BY_WORD[first.toLowerCase()];
}

/** A word in single quotes, as bash and zsh read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
