/** `git heroku config` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { formatShellVars, formatVars } from "../config-words.ts";

export const config: Command = {
  name: "config",
  topic: "Config",
  summary: "List the config vars",
  options: [...APP_OPTIONS, { name: "shell", short: "s", summary: "as a shell reads them" }, JSON_OPTION],
  examples: [{ command: "git heroku config --shell > .env", summary: "keep a copy" }],
  async run(context) {
    const { client, out, args } = context;
    const app = context.app();
    const vars = await client.config(app);
    if (args.has("json")) return out.json(vars);
    if (args.has("shell")) return out.data(formatShellVars(vars));
    if (Object.keys(vars).length === 0) return out.line(`${app} has no config vars`);
    await out.write(formatVars(vars));
    return undefined;
  },
};
