/** `git heroku remote` */
import { checkRemoteName, checkReplaceable, connectApp } from "../../clone/connect-app.ts";
import { DEFAULT_REMOTE } from "../../clone/find-app.ts";
import { AppError } from "../../core/error.ts";
import { remoteUrl } from "../../core/platform-address.ts";
import { warnOfTraps } from "../clone-words.ts";
import { SERVER_OPTION, type Command } from "../command.ts";

export const remote: Command = {
  name: "remote",
  topic: "Apps",
  summary: "Connect this clone to an app, or repair its remote",
  details:
    "Writes the remote's address, what it fetches (branches, the releases, their notes) and how a push tells who is pushing. A remote of another kind is left alone.",
  options: [
    {
      name: "app",
      short: "a",
      value: "NAME",
      completes: "apps",
      summary: "the app; without it the one that the clone knows already",
    },
    { name: "remote", short: "r", value: "NAME", summary: `the name of the git remote (usually ${DEFAULT_REMOTE})` },
    SERVER_OPTION,
  ],
  examples: [
    { command: "git heroku remote --app foobaz", summary: "add or repair it" },
    { command: "git heroku remote --app foobaz --server git@host", summary: "elsewhere" },
  ],
  async run(context) {
    const { client, world, platform, out, args } = context;
    const name = args.value("remote") ?? DEFAULT_REMOTE;
    const wanted = { remote: name, app: context.app() };
    (args.value("app") === undefined ? checkRemoteName : checkReplaceable)(world, platform, wanted);
    const found = await client.app(wanted.app);
    const connection = connectApp(world, name, remoteUrl(platform, found.name, found.git_url));
    if (connection === "outside a clone") {
      throw new AppError("bad_request", "This directory is not inside a git clone, so it can have no remote.", {
        hint: "Make one with `git init`, or go into a clone of the app.",
      });
    }
    await out.line(`Git remote ${name} ${connection}`);
    warnOfTraps(out, world, name);
    return undefined;
  },
};
