/** `git heroku whoami` */
import { JSON_OPTION, SERVER_OPTION, type Command } from "../command.ts";

export const whoami: Command = {
  name: "whoami",
  topic: "Access",
  summary: "Show in whose name commands are done",
  details:
    "On a platform elsewhere it is the owner of the token, on the one of this machine whom git would name in a commit here.",
  options: [
    { name: "remote", short: "r", value: "NAME", completes: "remotes", summary: "the git remote that leads there" },
    SERVER_OPTION,
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku whoami", summary: "for this clone" },
    { command: "git heroku whoami --server git@host", summary: "in no clone" },
  ],
  async run({ args, client, out }) {
    const { email, name } = await client.access.account();
    return args.has("json") ? out.json({ email, name }) : out.line(email);
  },
};
