/** `git heroku help`, apart from the others because it must know them all. */
import type { Command } from "./command.ts";
import { loadAllCommands, loadCommand } from "./command-list.ts";
import { formatHelp, formatOverview, type ListedCommand } from "./help-text.ts";

export const help: Command = {
  name: "help",
  topic: "Help",
  summary: "Show this overview or the help of one command",
  parameters: "[command]",
  completes: "commands",
  options: [],
  examples: [{ command: "git heroku help ps:scale", summary: "the help of one command" }],
  async run({ out, args }) {
    const [name] = args.words;
    if (name === undefined) await out.write(formatOverview(await listEverything()));
    else await out.write(formatHelp(name === "help" ? LISTED_HELP : await loadCommand(name)));
    return undefined;
  },
};

const LISTED_HELP: ListedCommand = { command: help, aliases: [] };

export async function listEverything(): Promise<ListedCommand[]> {
  return [...(await loadAllCommands()), LISTED_HELP];
}
