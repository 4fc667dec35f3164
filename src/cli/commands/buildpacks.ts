/** `git heroku buildpacks` */
import { listText, namesOf } from "../buildpack-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const buildpacks: Command = {
  name: "buildpacks",
  topic: "Builds",
  summary: "List what the app is built with",
  details:
    "Without a list the code's file .buildpacks counts, and without that the first buildpack of the platform that fits: ruby, nodejs, python, go, procfile, static. The config var BUILDPACK_URL goes before everything. docs/buildpacks.md tells what a buildpack is.",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku buildpacks", summary: "for the app of this clone" }],
  async run(context) {
    const { args, client, out } = context;
    const app = context.app();
    const items = await client.buildpacks(app);
    if (args.has("json")) return out.json(items);
    if (items.length === 0) return out.line(`${app} has no Buildpacks.`);
    await out.line(`=== ${app} Buildpack${items.length > 1 ? "s" : ""}`);
    await out.line();
    return out.write(listText(namesOf(items)));
  },
};
