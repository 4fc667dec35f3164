/** `git heroku create` */
import { checkRemoteName, connectApp } from "../../clone/connect-app.ts";
import { DEFAULT_REMOTE } from "../../clone/find-app.ts";
import { parseAppName } from "../../core/app-name.ts";
import { AppError } from "../../core/error.ts";
import { remoteUrl } from "../../core/platform-address.ts";
import { agreeOnSetup } from "../agree-on-setup.ts";
import { warnOfTraps } from "../clone-words.ts";
import { SERVER_OPTION, type Arguments, type Command } from "../command.ts";

export const create: Command = {
  name: "create",
  topic: "Apps",
  summary: "Make an app and a git remote for it",
  details:
    "Without a name the platform makes one up. Outside a git clone the app is made all the same; `git heroku remote` connects a clone later. --from reads an app.json: config vars, formation, buildpacks, health check and a command after the first deploy. What it asks for is shown before anything is made.",
  parameters: "[name]",
  options: [
    { name: "remote", short: "r", value: "NAME", summary: `the name of the git remote (usually ${DEFAULT_REMOTE})` },
    SERVER_OPTION,
    { name: "from", value: "PLACE", summary: "a directory, a git URL or a URL with an app.json" },
    { name: "env", value: "NAME=VALUE", many: true, summary: "a config var that app.json asks for" },
    { name: "yes", short: "y", summary: "make what app.json asks for without being asked" },
    { name: "dry-run", summary: "show what app.json asks for, and make nothing" },
  ],
  examples: [
    { command: "git heroku create", summary: "an app with a made-up name" },
    { command: "git heroku create foobaz", summary: "an app called foobaz" },
    { command: "git heroku create foobaz-two --remote staging", summary: "a second app of the clone" },
    { command: "git heroku create foobaz --from .", summary: "as its app.json says" },
    { command: "git heroku create foobaz --server git@host", summary: "on a platform elsewhere" },
  ],
  async run(context) {
    const { client, world, platform, out, args } = context;
    checkOptions(args);
    const name = args.words[0] === undefined ? undefined : parseAppName(args.words[0]);
    const remote = args.value("remote") ?? DEFAULT_REMOTE;
    checkRemoteName(world, platform, name === undefined ? { remote } : { remote, app: name });
    const from = args.value("from");
    const setup = from === undefined ? undefined : await agreeOnSetup(context, from);
    if (args.has("dry-run")) return undefined;
    const made =
      name === undefined
        ? await out.action("Creating", () => client.createApp(undefined, setup), { subject: (app) => app.name })
        : await out.action(`Creating ${name}`, () => client.createApp(name, setup));
    const url = remoteUrl(platform, made.name, made.git_url);
    await out.line(`${made.web_url} | ${url}`);
    const connection = connectApp(world, remote, url);
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

/** @throws AppError usage for what makes sense with an app.json only */
function checkOptions(args: Arguments): void {
  if (args.value("from") !== undefined) return;
  const stray = ["env", "yes", "dry-run"].find((name) => args.has(name) || args.values(name).length > 0);
  if (stray !== undefined) throw new AppError("usage", `--${stray} is for an app.json: name its place with --from.`);
}
