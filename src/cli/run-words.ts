/** What is to be run once, as `run` and `run:detached` are told it. */
import type { Arguments, Command, Option } from "./command.ts";
import { usageError } from "./parse-arguments.ts";
import { shellCommand } from "./shell-words.ts";

export const TYPE_OPTION: Option = {
  name: "type",
  value: "TYPE",
  summary: "the command of this type, and the words behind it",
};
export const NO_LAUNCHER_OPTION: Option = {
  name: "no-launcher",
  summary: "for Heroku's sake; nothing stands before the command",
};

/** @throws AppError usage when there is none. */
export function readCommand(command: Command, args: Arguments): string {
  const type = args.value(TYPE_OPTION.name);
  if (type === undefined && args.words.length === 0) throw usageError(command, "There is no command to run");
  const words = args.words.length === 0 ? [] : [shellCommand(args.words)];
  return [...(type === undefined ? [] : [type]), ...words].join(" ");
}
