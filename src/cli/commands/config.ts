/** `git heroku config` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { readVars, RELEASE_OPTION } from "../config-release.ts";
import { formatShellVars, formatVars } from "../config-words.ts";

export const config: Command = {
  name: "config",
  topic: "Config",
  summary: "List the config vars",
  options: [
    ...APP_OPTIONS,
    RELEASE_OPTION,
    { name: "shell", short: "s", summary: "as a shell reads them" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku config --shell > .env", summary: "keep a copy" },
    { command: "git heroku config --release v70", summary: "as they were then" },
  ],
  async run(context) {
    const { out, args } = context;
    const app = context.app();
    const vars = await readVars(context, app);
    if (args.has("json")) return out.json(vars);
    if (args.has("shell")) return out.data(formatShellVars(vars));
    if (Object.keys(vars).length === 0) return out.line(noVars(app, args.value("release")));
    await out.write(formatVars(vars));
    return undefined;
  },
};

function noVars(app: string, version: string | undefined): string {
  return version === undefined ? `${app} has no config vars` : `${app} had no config vars at ${version}`;
}
