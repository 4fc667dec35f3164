/** `git heroku config:history` */
import type { ConfigHistoryItem } from "../../api/history-resources.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { formatCauses } from "../cause-table.ts";
import { oneLine } from "../config-words.ts";

export const configHistory: Command = {
  name: "config:history",
  topic: "Config",
  summary: "List the releases that set or removed a config var",
  details: "Newest first. A release that failed set nothing. Values are only shown when asked for.",
  parameters: "<name>",
  completes: "config-vars",
  options: [...APP_OPTIONS, { name: "show-values", summary: "with the value that each release gave it" }, JSON_OPTION],
  examples: [{ command: "git heroku config:history DATABASE_URL", summary: "since the app exists" }],
  async run(context) {
    const { client, out, args, world } = context;
    const [name = ""] = args.words;
    const withValues = args.has("show-values");
    const history = await client.configHistory(context.app(), name, withValues);
    if (args.has("json")) return out.json(history);
    await out.write(formatCauses({ title: "What", cell: (item) => describe(item, withValues) }, history, world.now()));
    return undefined;
  },
};

function describe({ event, value }: ConfigHistoryItem, withValues: boolean): string {
  return !withValues || typeof value !== "string" ? event : `${event} to ${oneLine(value)}`;
}
