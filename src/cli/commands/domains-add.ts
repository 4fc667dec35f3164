/** `git heroku domains:add` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const domainsAdd: Command = {
  name: "domains:add",
  topic: "Domains",
  summary: "Serve the app under more host names",
  details:
    "A name that begins with *. stands for all names below it; a whole name of any app is stronger, and so is a longer one. No two apps of a platform can have the same name. Takes effect at once and makes no release.",
  parameters: "<name...>",
  options: [...APP_OPTIONS, { name: "wait", summary: "for Heroku's sake; a name is there at once" }, JSON_OPTION],
  examples: [
    { command: "git heroku domains:add www.foobazco.com", summary: "one name" },
    { command: "git heroku domains:add foobazco.com '*.foobazco.com'", summary: "a name and all names below it" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const app = context.app();
    const added = await client.addDomains(app, args.words);
    if (args.has("json")) return out.json(added);
    for (const { hostname } of added) await out.line(`Added ${hostname} to ${app}`);
    return undefined;
  },
};
