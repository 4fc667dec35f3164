/** `git heroku ps:restart` */
import type { PlatformClient } from "../../api/platform-client.ts";
import { AppError } from "../../core/error.ts";
import { APP_OPTIONS, PROCESS_OPTIONS, type Command } from "../command.ts";
import { describeTarget, parseTarget, type ProcessTarget } from "../process-target.ts";

export const psRestart: Command = {
  name: "ps:restart",
  topic: "Processes",
  summary: "Restart processes",
  details:
    "Web processes are replaced one after another, each by a new one that starts beside it, unless the setting preboot is off; the others stop and start. Also ends the waiting time of a crashed process. Makes no release.",
  parameters: "[process|type]",
  options: [...PROCESS_OPTIONS, ...APP_OPTIONS],
  examples: [
    { command: "git heroku ps:restart", summary: "all processes" },
    { command: "git heroku ps:restart web.1", summary: "one process" },
  ],
  async run(context) {
    const target = parseTarget(psRestart, context.args.words[0]);
    if (target.kind !== "all" && /^run(\.|$)/.test(target.kind === "type" ? target.type : target.name)) {
      throw new AppError("invalid_params", "A one-off process is never restarted.", {
        hint: "`git heroku ps:stop` ends it, `git heroku run:detached` starts another.",
      });
    }
    const app = context.app();
    await context.out.action(`Restarting ${describeTarget(target)}`, () => restart(context.client, app, target));
    return undefined;
  },
};

function restart(client: PlatformClient, app: string, target: ProcessTarget): Promise<unknown> {
  if (target.kind === "all") return client.restartAll(app);
  return target.kind === "type" ? client.restartType(app, target.type) : client.restartDyno(app, target.name);
}
