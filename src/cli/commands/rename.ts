/** `git heroku rename` */
import { redirectRemotes } from "../../clone/connect-app.ts";
import { parseAppName } from "../../core/app-name.ts";
import { remoteUrl } from "../../core/platform-address.ts";
import { APP_OPTIONS, type Command } from "../command.ts";

export const rename: Command = {
  name: "rename",
  topic: "Apps",
  summary: "Give an app another name",
  details:
    "Its processes run on, and no release is made. This clone's remotes of the app get the new address; other clones go on with the old one, which leads to the app, as does its old host name. Nobody else can take the old name before the app is destroyed. Processes see the new name in HEROKU_APP_NAME when they start again.",
  parameters: "<name>",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku rename barfoo --app foobaz", summary: "foobaz is called barfoo from now on" }],
  async run(context) {
    const { args, client, platform, out, world } = context;
    const name = parseAppName(args.words[0] ?? "");
    const app = context.app();
    const renamed = await out.action(`Renaming ${app} to ${name}`, () => client.renameApp(app, name));
    const url = remoteUrl(platform, renamed.name, renamed.git_url);
    await out.line(`${renamed.web_url} | ${url}`);
    for (const remote of redirectRemotes(world, platform, { app, url })) {
      await out.line(`Git remote ${remote} updated`);
    }
    return undefined;
  },
};
