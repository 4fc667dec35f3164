/** `git heroku maintenance:on` */
import { APP_OPTIONS, type Command } from "../command.ts";

export const maintenanceOn: Command = {
  name: "maintenance:on",
  topic: "Maintenance",
  summary: "Answer every request with a maintenance page",
  details: "The processes keep running. Makes no release.",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku maintenance:on", summary: "for the app of this clone" }],
  async run(context) {
    await context.client.setMaintenance(context.app(), true);
    await context.out.line("Maintenance mode enabled.");
    return undefined;
  },
};
