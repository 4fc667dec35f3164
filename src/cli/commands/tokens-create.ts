/** `git heroku tokens:create` */
import { parseLifetime } from "../../core/access-token.ts";
import { JSON_OPTION, type Command } from "../command.ts";

export const tokensCreate: Command = {
  name: "tokens:create",
  topic: "Access",
  summary: "Make a token for the Platform API over TCP",
  details:
    "The token stands alone on standard output, and is never shown again. Without --for whoever has it can do what you can do with git heroku, which on the platform's own machine is everything; what is done with it is done in your name. With --for it is for somebody else: they can create apps, and do with others what `git heroku access` gives them. docs/security.md tells more.",
  options: [
    { name: "for", value: "EMAIL", summary: "who will use it: an address, or 'NAME <EMAIL>'" },
    { name: "description", short: "d", value: "TEXT", summary: "what it is for" },
    { name: "expires", value: "TIME", summary: "after which it lets nobody in any more: 12h, 30d, 1y" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku tokens:create --expires 30d -d laptop", summary: "for a month" },
    { command: "git heroku tokens:create --for kate@foobazco.com", summary: "for somebody of the team" },
    { command: "TOKEN=$(git heroku tokens:create)", summary: "in a script" },
  ],
  async run({ args, client, out }) {
    const expires = args.value("expires");
    const made = await client.access.createToken({
      user: args.value("for"),
      description: args.value("description") ?? "",
      expires_in: expires === undefined ? null : parseLifetime(expires) / 1000,
    });
    const { access_token: access, id, description, user, admin, created_at, expires_at } = made;
    const token = access?.token ?? "";
    if (args.has("json")) return out.json({ token, id, description, user, admin, created_at, expires_at });
    return out.line(token);
  },
};
