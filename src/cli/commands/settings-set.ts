/** `git heroku settings:set` */
import { checkSetting, parseSettingName, SETTINGS } from "../../core/settings.ts";
import { APP_OPTIONS, type Command } from "../command.ts";
import { usageError } from "../parse-arguments.ts";

export const settingsSet: Command = {
  name: "settings:set",
  topic: "Apps",
  summary: "Change settings of the platform for the app",
  parameters: "<name=value...>",
  completes: Object.keys(SETTINGS).map((name) => `${name}=`),
  options: APP_OPTIONS,
  examples: [
    { command: "git heroku settings:set exit-timeout=60s", summary: "give processes a minute to exit" },
    { command: "git heroku settings:set preboot=off", summary: "stop the old processes before the new ones start" },
  ],
  async run(context) {
    const change = Object.fromEntries(context.args.words.map(parseAssignment));
    const app = context.app();
    const values = await context.client.changeSettings(app, change);
    for (const name of Object.keys(change)) await context.out.line(`${name} is ${values[name] ?? ""}`);
    return undefined;
  },
};

function parseAssignment(word: string): [name: string, text: string] {
  const equals = word.indexOf("=");
  if (equals < 1) throw usageError(settingsSet, `${word} is invalid. Must be in the format name=value.`);
  const [name, text] = [word.slice(0, equals), word.slice(equals + 1)];
  checkSetting(parseSettingName(name), text);
  return [name, text];
}
