/** `git heroku config:get` */
import { APP_OPTIONS, type Command } from "../command.ts";
import { readVars, RELEASE_OPTION } from "../config-release.ts";
import { formatShellVars } from "../config-words.ts";

export const configGet: Command = {
  name: "config:get",
  topic: "Config",
  summary: "Print the value of one config var",
  parameters: "<name>",
  completes: "config-vars",
  options: [
    ...APP_OPTIONS,
    RELEASE_OPTION,
    { name: "shell", short: "s", summary: "as a shell reads it, with its name" },
  ],
  examples: [{ command: 'psql "$(git heroku config:get DATABASE_URL)"', summary: "use it in a command" }],
  async run(context) {
    const { out, args } = context;
    const [name = ""] = args.words;
    const vars = await readVars(context, context.app());
    const value = Object.hasOwn(vars, name) ? vars[name] : undefined;
    // A var that is not set is an empty line, as on Heroku: scripts rely on it.
    await out.data(args.has("shell") && value !== undefined ? formatShellVars({ [name]: value }) : `${value ?? ""}\n`);
    return undefined;
  },
};
