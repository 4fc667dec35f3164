/** `git heroku domains:remove` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const domainsRemove: Command = {
  name: "domains:remove",
  topic: "Domains",
  summary: "Serve the app no longer under a host name",
  parameters: "<name>",
  completes: "domains",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku domains:remove www.foobazco.com", summary: "takes effect at once" }],
  async run(context) {
    const { args, client, out } = context;
    const app = context.app();
    const removed = await client.removeDomain(app, args.words[0] ?? "");
    if (args.has("json")) return out.json(removed);
    return out.line(`Removed ${removed.hostname} from ${app}`);
  },
};
