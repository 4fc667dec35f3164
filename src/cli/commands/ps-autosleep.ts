/** `git heroku ps:autosleep` */
import { checkSetting } from "../../core/settings.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const psAutosleep: Command = {
  name: "ps:autosleep",
  topic: "Processes",
  summary: "Show or change whether the app sleeps when nobody comes",
  details:
    "After so long without a request under way, or an open WebSocket, the web processes stop; the next request starts them and waits for them. Deploys, restarts and scaling wake the app too. With --workers on the other processes sleep along. Off unless told otherwise; makes no release.",
  parameters: "[time]",
  options: [
    ...APP_OPTIONS,
    { name: "workers", value: "ON", summary: "on or off: other processes sleep too" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku ps:autosleep", summary: "what is set" },
    { command: "git heroku ps:autosleep 30m", summary: "sleep after half an hour" },
    { command: "git heroku ps:autosleep off", summary: "never sleep; wakes the app" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const change: Record<string, string> = {};
    const [time] = args.words;
    const workers = args.value("workers");
    if (time !== undefined) {
      checkSetting("autosleep", time);
      change["autosleep"] = time;
    }
    if (workers !== undefined) {
      checkSetting("autosleep-workers", workers);
      change["autosleep-workers"] = workers;
    }
    const app = context.app();
    const isChange = Object.keys(change).length > 0;
    const values = await (isChange ? client.changeSettings(app, change) : client.settings(app));
    const { autosleep = "off", "autosleep-workers": along = "off" } = values;
    if (args.has("json")) return out.json({ autosleep, workers: along });
    if (autosleep === "off") return out.line(`${app} never sleeps.`);
    const who = along === "on" ? "All processes of" : "The web processes of";
    return out.line(`${who} ${app} sleep after ${autosleep} without traffic.`);
  },
};
