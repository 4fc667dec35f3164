/** `git heroku config:get` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { readVars, RELEASE_OPTION } from "../config-release.ts";
import { formatShellVars } from "../config-words.ts";

export const configGet: Command = {
  name: "config:get",
  topic: "Config",
  summary: "Print the value of a config var",
  details: "Of several, each on a line of its own.",
  parameters: "<name...>",
  completes: "config-vars",
  options: [
    ...APP_OPTIONS,
    RELEASE_OPTION,
    { name: "shell", short: "s", summary: "as a shell reads it, with its name" },
    JSON_OPTION,
  ],
  examples: [{ command: 'psql "$(git heroku config:get DATABASE_URL)"', summary: "use it in a command" }],
  async run(context) {
    const { out, args } = context;
    const vars = await readVars(context, context.app());
    const valueOf = (name: string): string | undefined => (Object.hasOwn(vars, name) ? vars[name] : undefined);
    if (args.has("json")) {
      const values = args.words.map((key) => ({ key, value: valueOf(key) ?? null }));
      return out.json(values.length === 1 ? values[0] : values);
    }
    for (const name of args.words) {
      const value = valueOf(name);
      // A var that is not set is an empty line, as on Heroku: scripts rely on it.
      const isShell = args.has("shell") && value !== undefined;
      await out.data(isShell ? formatShellVars({ [name]: value }) : `${value ?? ""}\n`);
    }
    return undefined;
  },
};
