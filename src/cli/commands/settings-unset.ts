/** `git heroku settings:unset` */
import { parseSettingName, SETTINGS } from "../../core/settings.ts";
import { APP_OPTIONS, type Command } from "../command.ts";

export const settingsUnset: Command = {
  name: "settings:unset",
  topic: "Apps",
  summary: "Put settings back to their defaults",
  parameters: "<name...>",
  completes: Object.keys(SETTINGS),
  options: APP_OPTIONS,
  examples: [{ command: "git heroku settings:unset exit-timeout", summary: "back to 30 seconds" }],
  async run(context) {
    const names = context.args.words.map(parseSettingName);
    const app = context.app();
    const values = await context.client.changeSettings(app, Object.fromEntries(names.map((name) => [name, null])));
    for (const name of names) await context.out.line(`${name} is ${values[name] ?? ""}`);
    return undefined;
  },
};
