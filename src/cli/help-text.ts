/** The help of one command and the overview of all, as plain text of at most 80 columns. */
import { pad } from "../core/text-table.ts";
import { TOPICS, type Command, type Option } from "./command.ts";

export interface ListedCommand {
  command: Command;
  aliases: readonly string[];
}

/** `git heroku ps:scale [type=count...] [options]` */
export function usageLine(command: Command): string {
  const parameters = command.parameters === undefined ? "" : ` ${command.parameters}`;
  const trailing = command.trailing === undefined ? "" : ` [-- ${command.trailing}]`;
  return `git heroku ${command.name}${parameters}${command.options.length === 0 ? "" : " [options]"}${trailing}`;
}

export function formatHelp({ command, aliases }: ListedCommand): string {
  const sections = [`Usage: ${usageLine(command)}`, `${command.summary}.`];
  if (command.details !== undefined) sections.push(wrap(command.details));
  if (aliases.length > 0) sections.push(`Also called: ${aliases.join(", ")}`);
  const options = command.options.map((option): [string, string] => [optionWords(option), option.summary]);
  sections.push(`Options:\n${columns([...options, ["-h, --help", "show this help"]])}`);
  if (command.examples.length > 0) {
    sections.push(`Examples:\n${columns(command.examples.map(({ command, summary }) => [command, summary]))}`);
  }
  return `${sections.join("\n\n")}\n`;
}

/** `-a, --app NAME` */
export function optionWords(option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}--${option.name}${option.value === undefined ? "" : ` ${option.value}`}`;
}

export function formatOverview(listed: readonly ListedCommand[]): string {
  const sections = TOPICS.map((topic) => {
    const commands = listed.filter(({ command }) => command.topic === topic);
    return `${topic}:\n${columns(commands.map(({ command }) => [command.name, command.summary]))}`;
  });
  return [
    "Usage: git heroku <command> [arguments] [options]",
    ...sections,
    "`git heroku help <command>` tells more, `git heroku --version` which version.\n",
  ].join("\n\n");
}

const WIDTH = 78;

function wrap(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${pad(left, width)}  ${right}`).join("\n");
}
