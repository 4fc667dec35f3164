/** `git heroku create` */
import { checkRemoteName, connectApp } from "../../clone/connect-app.ts";
import { DEFAULT_REMOTE } from "../../clone/find-app.ts";
import { parseAppName } from "../../core/app-name.ts";
import { warnOfTraps } from "../clone-words.ts";
import type { Command } from "../command.ts";

export const create: Command = {
  name: "create",
  topic: "Apps",
  summary: "Make an app and a git remote for it",
  details:
    "Without a name the platform makes one up. Outside a git clone the app is made all the same; `git heroku remote` connects a clone later.",
  parameters: "[name]",
  options: [
    { name: "remote", short: "r", value: "NAME", summary: `the name of the git remote (usually ${DEFAULT_REMOTE})` },
  ],
  examples: [
    { command: "git heroku create", summary: "an app with a made-up name" },
    { command: "git heroku create foobaz", summary: "an app called foobaz" },
    { command: "git heroku create foobaz-two --remote staging", summary: "a second app of the clone" },
  ],
  async run({ client, world, home, out, args }) {
    const name = args.words[0] === undefined ? undefined : parseAppName(args.words[0]);
    const remote = args.value("remote") ?? DEFAULT_REMOTE;
    checkRemoteName(world, home, name === undefined ? { remote } : { remote, app: name });
    const made =
      name === undefined
        ? await out.action("Creating", () => client.createApp(undefined), { subject: (app) => app.name })
        : await out.action(`Creating ${name}`, () => client.createApp(name));
    await out.line(`${made.web_url} | ${made.git_url}`);
    const connection = connectApp(world, remote, made.git_url);
    if (connection === "outside a clone") {
      await out.line("No git remote added: this directory is not inside a git clone");
      out.warn(`In a clone, run: git heroku remote --app ${made.name}`);
      return undefined;
    }
    await out.line(`Git remote ${remote} ${connection}`);
    warnOfTraps(out, world, remote);
    return undefined;
  },
};
