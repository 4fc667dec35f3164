/** `git heroku webhooks` */
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const webhooks: Command = {
  name: "webhooks",
  topic: "Apps",
  summary: "List who is told of the app's events",
  details: "URLs are shown without user, password, values of the query and other keys.",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku webhooks", summary: "of the app of this clone" }],
  async run(context) {
    const { client, args, out } = context;
    const items = await client.webhooks.list(context.app());
    if (args.has("json")) return out.json(items);
    for (const { id, level, url, include } of items) {
      await out.line(`${id.slice(0, 8)}  ${pad(level, 6)}  ${url}  ${include.join(",")}`);
    }
    return undefined;
  },
};
