/** `git heroku config:blame` */
import type { ConfigBlameItem } from "../../api/history-resources.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { formatCauses } from "../cause-table.ts";

export const configBlame: Command = {
  name: "config:blame",
  topic: "Config",
  summary: "Show which release set each config var",
  details:
    "The release that gave a variable its present value, a rollback included; who made it and when. Values are not shown.",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku config:blame", summary: "one line for each variable" }],
  async run(context) {
    const { client, out, args, world } = context;
    const app = context.app();
    const blamed = await client.configBlame(app);
    if (args.has("json")) return out.json(blamed);
    if (blamed.length === 0) return out.line(`${app} has no config vars`);
    await out.write(formatCauses({ title: "Name", cell: (item: ConfigBlameItem) => item.name }, blamed, world.now()));
    return undefined;
  },
};
