/** `git heroku maintenance:off` */
import { APP_OPTIONS, type Command } from "../command.ts";

export const maintenanceOff: Command = {
  name: "maintenance:off",
  topic: "Maintenance",
  summary: "Let requests through to the app again",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku maintenance:off", summary: "for the app of this clone" }],
  async run(context) {
    await context.client.setMaintenance(context.app(), false);
    await context.out.line("Maintenance mode disabled.");
    return undefined;
  },
};
