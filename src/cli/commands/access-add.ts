/** `git heroku access:add` */
import { parseEmail } from "../../core/access.ts";
import { permissionsIn, PERMISSIONS_OPTION } from "../access-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const accessAdd: Command = {
  name: "access:add",
  topic: "Access",
  summary: "Let somebody work on the app",
  details:
    "Without --permissions they may view, deploy and operate. They need a token to come with (git heroku tokens:create --for EMAIL).",
  parameters: "<email>",
  options: [...APP_OPTIONS, PERMISSIONS_OPTION, JSON_OPTION],
  examples: [
    { command: "git heroku access:add kate@foobazco.com", summary: "not manage" },
    { command: "git heroku access:add kate@foobazco.com -p view,deploy", summary: "no scaling" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const app = context.app();
    const email = parseEmail(args.words[0] ?? "");
    const permissions = permissionsIn(args);
    const how = permissions === undefined ? "" : ` with ${permissions.join(", ")} permissions`;
    const add = () => client.access.add(app, email, permissions);
    if (args.has("json")) return out.json(await add());
    await out.action(`Adding ${email} access to the app ${app}${how}`, add);
    return undefined;
  },
};
