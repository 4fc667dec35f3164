/** `git heroku access:remove` */
import { parseEmail } from "../../core/access.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const accessRemove: Command = {
  name: "access:remove",
  topic: "Access",
  summary: "Let somebody work on the app no longer",
  details:
    "From then on the app is not there for them, and what they are doing with it is cut off. Their tokens stay, for other apps. Anybody may take themselves away.",
  parameters: "<email>",
  completes: "collaborators",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku access:remove kate@foobazco.com", summary: "takes effect at once" }],
  async run(context) {
    const { args, client, out } = context;
    const app = context.app();
    const email = parseEmail(args.words[0] ?? "");
    const remove = () => client.access.remove(app, email);
    if (args.has("json")) return out.json(await remove());
    await out.action(`Removing ${email} access from the app ${app}`, remove);
    return undefined;
  },
};
