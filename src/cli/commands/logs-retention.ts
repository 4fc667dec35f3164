/** `git heroku logs:retention` */
import { checkSetting, type SettingName } from "../../core/settings.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

/** Option → the setting that it is. */
const SETTING_OF: Readonly<Record<string, SettingName>> = { days: "log-days", hot: "log-hot", size: "log-size" };

export const logsRetention: Command = {
  name: "logs:retention",
  topic: "Logs",
  summary: "Show or change how long and how much of the log is kept",
  details:
    "The oldest part of the log is removed when the log grows over the size, and what is older than the days if there is such a limit. It goes in pieces of up to 64 MB, and the newest piece always stays. Pieces whose lines are all older than the hot time are compressed, and the oldest ones as soon as the log has half of the size; they are searched as before. Makes no release.",
  options: [
    ...APP_OPTIONS,
    { name: "days", value: "DAYS", summary: "for how long; off: the size alone counts" },
    { name: "hot", value: "TIME", summary: "when it is compressed, such as 12h or 7d; off: never" },
    { name: "size", value: "SIZE", summary: "how much, such as 500MB or 2GB" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku logs:retention", summary: "what is kept" },
    { command: "git heroku logs:retention --days 7 --size 500MB", summary: "less than usual" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const change: Record<string, string> = {};
    for (const [option, name] of Object.entries(SETTING_OF)) {
      const text = args.value(option);
      if (text === undefined) continue;
      checkSetting(name, text);
      change[name] = text;
    }
    const app = context.app();
    const isChange = Object.keys(change).length > 0;
    const values = await (isChange ? client.changeSettings(app, change) : client.settings(app));
    const { "log-days": days = "off", "log-hot": hot = "off", "log-size": size = "" } = values;
    return args.has("json") ? out.json({ days, hot, size }) : out.line(sentence(app, days, hot, size));
  },
};

function sentence(app: string, days: string, hot: string, size: string): string {
  const time = days === "off" ? "however old it is" : `for ${days} ${days === "1" ? "day" : "days"}`;
  const form = hot === "off" ? "never compressed" : `compressed after ${hot}`;
  return `The log of ${app} is kept ${time}, up to ${size}, and ${form}.`;
}
