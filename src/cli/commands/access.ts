/** `git heroku access` */
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

const ROLE_WIDTH = "collaborator".length;

export const access: Command = {
  name: "access",
  topic: "Access",
  summary: "List who may do what with the app",
  details:
    "view shows the app, its log and its code; deploy pushes code; operate scales, restarts and sets things up; either of the two shows and changes config vars, rolls back and runs commands. manage is all of these, and lets others in. The owner alone gives the app away or destroys it. To whoever is not listed the app is not there.",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku access", summary: "for the app of this clone" }],
  async run(context) {
    const { args, client, out } = context;
    const items = await client.access.list(context.app());
    if (args.has("json")) return out.json(items);
    const width = Math.max(...items.map(({ user }) => user.email.length));
    for (const { user, role, permissions } of items) {
      const words = permissions.map(({ name }) => name).join(", ");
      await out.line(`${pad(user.email, width)}  ${pad(role, ROLE_WIDTH)}  ${words}`);
    }
    return undefined;
  },
};
