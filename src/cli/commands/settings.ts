/** `git heroku settings` */
import { SETTINGS, type SettingName } from "../../core/settings.ts";
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const settings: Command = {
  name: "settings",
  topic: "Apps",
  summary: "List the platform's settings for the app",
  details: "Settings are switches and time limits of the platform, not config vars: changing one makes no release.",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku settings", summary: "all of them, with what they mean" }],
  async run(context) {
    const values = await context.client.settings(context.app());
    if (context.args.has("json")) return context.out.json(values);
    for (const [name, value] of Object.entries(values)) {
      const help = Object.hasOwn(SETTINGS, name) ? SETTINGS[name as SettingName].help : "";
      await context.out.line(`${pad(name, 14)}  ${pad(value, 7)}  ${help}`);
    }
    return undefined;
  },
};
