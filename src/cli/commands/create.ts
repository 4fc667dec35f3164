/** `git heroku create` */
import type { App } from "../../api/resources.ts";
import { checkRemoteName, connectApp } from "../../clone/connect-app.ts";
import { DEFAULT_REMOTE } from "../../clone/find-app.ts";
import { BUILT_IN_BUILDPACKS } from "../../core/buildpack.ts";
import { parseAppName } from "../../core/app-name.ts";
import { AppError } from "../../core/error.ts";
import type { AppSetup } from "../../core/app-setup.ts";
import { remoteUrl } from "../../core/platform-address.ts";
import { agreeOnSetup } from "../agree-on-setup.ts";
import { warnOfTraps } from "../clone-words.ts";
import { resolveBuildpack } from "../buildpack-words.ts";
import { JSON_OPTION, SERVER_OPTION, type Arguments, type Command, type Context } from "../command.ts";

export const create: Command = {
  name: "create",
  topic: "Apps",
  summary: "Make an app and a git remote for it",
  details:
    "Without a name the platform makes one up. Outside a git clone the app is made all the same; `git heroku remote` connects a clone later. --from reads an app.json: config vars, formation, buildpacks, health check and a command after the first deploy. What it asks for is shown before anything is made.",
  parameters: "[name]",
  options: [
    { name: "remote", short: "r", value: "NAME", summary: `the name of the git remote (usually ${DEFAULT_REMOTE})` },
    { name: "no-remote", short: "n", summary: "add no git remote" },
    {
      name: "buildpack",
      short: "b",
      value: "BUILDPACK",
      completes: BUILT_IN_BUILDPACKS,
      summary: "what builds it, instead of what the code looks like",
    },
    JSON_OPTION,
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
    const { world, platform, args } = context;
    checkOptions(args);
    const name = args.words[0] === undefined ? undefined : parseAppName(args.words[0]);
    const remote = args.has("no-remote") ? undefined : (args.value("remote") ?? DEFAULT_REMOTE);
    if (remote !== undefined) {
      checkRemoteName(world, platform, name === undefined ? { remote } : { remote, app: name });
    }
    const from = args.value("from");
    const setup = from === undefined ? undefined : await agreeOnSetup(context, from);
    if (args.has("dry-run")) return undefined;
    const made = await makeApp(context, name, setup);
    return connect(context, made, remote);
  },
};

async function connect(context: Context, made: App, remote: string | undefined): Promise<undefined> {
  const { world, platform, out, args } = context;
  const url = remoteUrl(platform, made.name, made.git_url);
  const connection = remote === undefined ? undefined : connectApp(world, remote, url);
  if (args.has("json")) return out.json(made);
  await out.line(`${made.web_url} | ${url}`);
  if (remote === undefined || connection === undefined) return undefined;
  if (connection === "outside a clone") {
    await out.line("No git remote added: this directory is not inside a git clone");
    out.warn(`In a clone, run: git heroku remote --app ${made.name}`);
    return undefined;
  }
  await out.line(`Git remote ${remote} ${connection}`);
  warnOfTraps(out, world, remote);
  return undefined;
}

async function makeApp(context: Context, name: string | undefined, setup: AppSetup | undefined): Promise<App> {
  const { client, world, out, args } = context;
  const buildpack = resolveBuildpack(args.value("buildpack"), world);
  const whole = buildpack === undefined ? setup : { ...setup, buildpacks: [buildpack] };
  const make = (): Promise<App> => client.createApp(name, whole);
  if (args.has("json")) return make();
  const made =
    name === undefined
      ? await out.action("Creating", make, { subject: (app) => app.name })
      : await out.action(`Creating ${name}`, make);
  if (buildpack !== undefined) await out.line(`Setting buildpack to ${buildpack}... done`);
  return made;
}

/** @throws AppError usage for what makes sense with an app.json only */
function checkOptions(args: Arguments): void {
  if (args.value("from") !== undefined) return;
  const stray = ["env", "yes", "dry-run"].find((name) => args.has(name) || args.values(name).length > 0);
  if (stray !== undefined) throw new AppError("usage", `--${stray} is for an app.json: name its place with --from.`);
}
