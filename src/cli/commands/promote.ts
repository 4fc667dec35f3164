/** `git heroku promote` */
import { parseAppName } from "../../core/app-name.ts";
import { AppError } from "../../core/error.ts";
import { formatVersion } from "../../core/release.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const promote: Command = {
  name: "promote",
  topic: "Releases",
  summary: "Release the code that this app runs in another app",
  details:
    "The other app gets the code of the current release as it was built, with its own config vars; nothing is built again. That is one release there, which names where it comes from and is taken back like any other.",
  options: [
    { name: "to", short: "t", value: "APP", completes: "apps", summary: "the app that gets the code" },
    ...APP_OPTIONS,
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku promote --to foobaz", summary: "what runs in this clone's app" },
    { command: "git heroku promote --app foobaz-staging --to foobaz", summary: "from one app to another" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const wanted = args.value("to");
    if (wanted === undefined) {
      throw new AppError("usage", "Say which app is to get the code.", { hint: "git heroku promote --to APP" });
    }
    const [app, to] = [context.app(), parseAppName(wanted)];
    if (args.has("json")) return out.json(await client.promote(app, to));
    await out.action(`-----> Promoting ${app} to ${to}`, (show) => client.promote(app, to, show), {
      done: (release) => `done, ${formatVersion(release.version)}`,
    });
    return undefined;
  },
};
