/** `git heroku access:update` */
import { parseEmail } from "../../core/access.ts";
import { AppError } from "../../core/error.ts";
import { permissionsIn, PERMISSIONS_OPTION } from "../access-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const accessUpdate: Command = {
  name: "access:update",
  topic: "Access",
  summary: "Change what somebody may do with the app",
  details: "What they are doing and may no longer do, such as a running command, is cut off.",
  parameters: "<email>",
  completes: "collaborators",
  options: [...APP_OPTIONS, PERMISSIONS_OPTION, JSON_OPTION],
  examples: [{ command: "git heroku access:update kate@foobazco.com --permissions view", summary: "only looking" }],
  async run(context) {
    const { args, client, out } = context;
    const app = context.app();
    const email = parseEmail(args.words[0] ?? "");
    const permissions = permissionsIn(args);
    if (permissions === undefined) {
      throw new AppError("usage", "access:update needs --permissions.", { hint: "Such as: --permissions view,deploy" });
    }
    const update = () => client.access.update(app, email, permissions);
    if (args.has("json")) return out.json(await update());
    const words = `Updating ${email} in application ${app} with ${permissions.join(", ")} permissions`;
    await out.action(words, update);
    return undefined;
  },
};
