/** `git heroku maintenance` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const maintenance: Command = {
  name: "maintenance",
  topic: "Maintenance",
  summary: "Tell whether maintenance mode is on",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku maintenance", summary: "prints on or off" }],
  async run(context) {
    const app = await context.client.app(context.app());
    if (context.args.has("json")) return context.out.json({ maintenance: app.maintenance });
    await context.out.line(app.maintenance ? "on" : "off");
    return undefined;
  },
};
