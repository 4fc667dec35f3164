/** `git heroku drains:remove` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const drainsRemove: Command = {
  name: "drains:remove",
  topic: "Logs",
  summary: "Send the app's log to that place no more",
  details: "The drain is named by its URL, as it was added or as `git heroku drains` shows it, or by its token.",
  parameters: "<url|token>",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku drains:remove syslog+tls://logs.foobazco.com:6514", summary: "by its URL" },
    {
      command: "git heroku drains:remove d.9b2c1e5a-0d7f-4c7e-8a53-2f0a4a1b6c9d",
      summary: "by its token, what it has not sent is not sent",
    },
  ],
  async run(context) {
    const { client, args, out } = context;
    const removed = await client.removeDrain(context.app(), args.words[0] ?? "");
    if (args.has("json")) return out.json(removed);
    return out.line(`Successfully removed drain ${removed.url}`);
  },
};
