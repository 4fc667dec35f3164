/** `git heroku logs:imports` */
import { formatBytes } from "../../core/byte-size.ts";
import { formatAgo } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const logsImports: Command = {
  name: "logs:imports",
  topic: "Logs",
  summary: "List the logs that logs:import has read",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku logs:imports", summary: "names for logs --imported" }],
  async run(context) {
    const { args, client, out, world } = context;
    const app = context.app();
    const items = await client.logImports(app);
    if (args.has("json")) return out.json(items);
    if (items.length === 0) return out.line(`${app} has no imported logs.`);
    const width = Math.max(...items.map(({ name }) => name.length));
    for (const { name, bytes, imported_at } of items) {
      await out.line(
        `${pad(name, width)}  ${formatBytes(bytes).padStart(8)}  ${formatAgo(Date.parse(imported_at), world.now())}`,
      );
    }
    return undefined;
  },
};
