/** `git heroku config:remove` */
import { checkConfigName } from "../../core/config-vars.ts";
import { APP_OPTIONS, type Command } from "../command.ts";
import { describeRestart } from "../restart-words.ts";
import { usageError } from "../parse-arguments.ts";

export const configRemove: Command = {
  name: "config:remove",
  topic: "Config",
  summary: "Remove config vars and restart the app",
  parameters: "<name...>",
  completes: "config-vars",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku config:remove FOO", summary: "one var" }],
  async run(context) {
    const { client, out, args } = context;
    const names = [...new Set(args.words)].sort();
    for (const name of names) checkName(name);
    const app = context.app();
    await out.line("Removing config vars:");
    for (const name of names) await out.line(`  ${name}`);
    const change = Object.fromEntries(names.map((name) => [name, null]));
    await out.action("Restarting app", (show) => client.changeConfig(app, change, { show }), {
      done: describeRestart,
    });
    return undefined;
  },
};

function checkName(name: string): void {
  if (name.includes("=")) throw usageError(configRemove, `${name} is invalid. Give only the name of a var`);
  checkConfigName(name);
}
