/** `git heroku apps` */
import { JSON_OPTION, SERVER_OPTION, type Command } from "../command.ts";

export const apps: Command = {
  name: "apps",
  topic: "Apps",
  summary: "List the apps of this platform",
  options: [SERVER_OPTION, JSON_OPTION],
  examples: [{ command: "git heroku apps", summary: "one name a line" }],
  async run({ client, out, args }) {
    const found = await client.apps();
    if (args.has("json")) return out.json(found);
    if (found.length === 0) out.warn("There are no apps yet.\nMake one with `git heroku create`.");
    for (const name of found.map((app) => app.name).sort()) await out.line(name);
    return undefined;
  },
};
