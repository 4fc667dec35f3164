/** `git heroku drains:add` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const drainsAdd: Command = {
  name: "drains:add",
  topic: "Logs",
  summary: "Send the app's log to another place too, from now on",
  details:
    "syslog://HOST:PORT is TCP with octet counting, syslog+tls://HOST:PORT the same within TLS; https://USER:PASSWORD@HOST/PATH and http:// get frames by POST, as Heroku's own drains send them. Certificates are checked; authorities of your own go into ca.pem in the platform's directory. An app has at most 5 drains. Makes no release. docs/drains.md tells more.",
  parameters: "<url>",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku drains:add syslog+tls://logs.foobazco.com:6514", summary: "to a syslog server" },
    { command: "git heroku drains:add https://ned:s3cret@logs.foobazco.com/in", summary: "to a log service" },
  ],
  async run(context) {
    const { client, args, out } = context;
    const added = await client.addDrain(context.app(), args.words[0] ?? "");
    if (args.has("json")) return out.json(added);
    return out.line(`Successfully added drain ${added.url}`);
  },
};
