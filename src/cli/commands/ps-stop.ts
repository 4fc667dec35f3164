/** `git heroku ps:stop` */
import { APP_OPTIONS, PROCESS_OPTIONS, type Command } from "../command.ts";
import { describeTarget, parseTarget } from "../process-target.ts";

export const psStop: Command = {
  name: "ps:stop",
  topic: "Processes",
  summary: "Stop processes; those of the formation come back",
  details: "To keep a type down, scale it to 0.",
  parameters: "<process|type>",
  options: [...PROCESS_OPTIONS, ...APP_OPTIONS],
  examples: [
    { command: "git heroku ps:stop run.1", summary: "a one-off process" },
    { command: "git heroku ps:stop web", summary: "all web processes" },
  ],
  async run(context) {
    const target = parseTarget(psStop, context.args.words[0]);
    const app = context.app();
    await context.out.action(`Stopping ${describeTarget(target)}`, async () => {
      if (target.kind === "process") await context.client.stopDyno(app, target.name);
      if (target.kind === "type") await context.client.stopType(app, target.type);
    });
    return undefined;
  },
};
