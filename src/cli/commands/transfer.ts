/** `git heroku transfer` */
import { parseEmail } from "../../core/access.ts";
import { APP_OPTIONS, type Command } from "../command.ts";

export const transfer: Command = {
  name: "transfer",
  topic: "Access",
  summary: "Give the app to another owner",
  details: "Whose it was stays on it, with all permissions. Takes effect at once and makes no release.",
  parameters: "<email>",
  completes: "collaborators",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku transfer kate@foobazco.com --app foobaz", summary: "it is Kate's from now on" }],
  async run(context) {
    const app = context.app();
    const email = parseEmail(context.args.words[0] ?? "");
    await context.out.action(`Transferring ${app} to ${email}`, () => context.client.access.transfer(app, email));
    return undefined;
  },
};
