/** `git heroku config:add` */
import { checkConfigName, checkConfigValue } from "../../core/config-vars.ts";
import { AppError } from "../../core/error.ts";
import { APP_OPTIONS, type Command } from "../command.ts";
import { formatEcho } from "../config-words.ts";
import { describeRestart } from "../restart-words.ts";

export const configAdd: Command = {
  name: "config:add",
  topic: "Config",
  summary: "Set config vars and restart the app",
  details: "Several at once make one release. A change that changes nothing makes none.",
  parameters: "<name=value...>",
  completes: "config-vars=",
  options: APP_OPTIONS,
  examples: [
    { command: "git heroku config:add FOO=baz", summary: "one var" },
    { command: 'git heroku config:add KEY="$(cat key.pem)" MODE=fast', summary: "two vars, one release" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const vars = Object.fromEntries(args.words.map(parseVar));
    const app = context.app();
    await out.line("Adding config vars:");
    await out.write(formatEcho(vars));
    await out.action("Restarting app", (show) => client.changeConfig(app, vars, { show }), {
      done: describeRestart,
    });
    return undefined;
  },
};

/** Split at the first `=`. What the platform would refuse is refused before anything is said to be added. */
function parseVar(word: string): [name: string, value: string] {
  const equals = word.indexOf("=");
  if (equals < 1) {
    throw new AppError("invalid_params", `${word} is invalid. Must be in the format FOO=bar.`, {
      hint: "For example: git heroku config:add FOO=bar",
    });
  }
  const [name, value] = [word.slice(0, equals), word.slice(equals + 1)];
  checkConfigName(name);
  checkConfigValue(name, value);
  return [name, value];
}
