/** `git heroku logs:imports:remove` */
import { APP_OPTIONS, type Command } from "../command.ts";

export const logsImportsRemove: Command = {
  name: "logs:imports:remove",
  topic: "Logs",
  summary: "Remove a log that logs:import has read",
  parameters: "<name>",
  completes: "imports",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku logs:imports:remove old", summary: "the files that it came from stay" }],
  async run(context) {
    const { args, client, out } = context;
    const [name = ""] = args.words;
    const app = context.app();
    return out
      .action(`Removing ${name} from the imported logs of ${app}`, () => client.removeLogImport(app, name))
      .then(() => undefined);
  },
};
