/** `git heroku webhooks:remove` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const webhooksRemove: Command = {
  name: "webhooks:remove",
  topic: "Apps",
  summary: "Tell that program no more",
  details: "The webhook is named by the beginning of its id. What has not been taken is not sent any more.",
  parameters: "<id>",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku webhooks:remove 7ffc8cfe", summary: "as `git heroku webhooks` lists it" }],
  async run(context) {
    const { client, args, out } = context;
    const removed = await client.webhooks.remove(context.app(), args.words[0] ?? "");
    if (args.has("json")) return out.json(removed);
    return out.line(`Removed webhook ${removed.id.slice(0, 8)} to ${removed.url}`);
  },
};
