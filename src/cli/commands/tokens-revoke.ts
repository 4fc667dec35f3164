/** `git heroku tokens:revoke` */
import { JSON_OPTION, type Command } from "../command.ts";

export const tokensRevoke: Command = {
  name: "tokens:revoke",
  topic: "Access",
  summary: "Let a token let nobody in any more",
  details: "It takes effect at once; what is under way with the token, such as a log that is followed, is cut off.",
  parameters: "<id>",
  completes: "tokens",
  options: [JSON_OPTION],
  examples: [{ command: "git heroku tokens:revoke 5b1c0e5a", summary: "the beginning of the id will do" }],
  async run({ args, client, out }) {
    const id = args.words[0] ?? "";
    if (args.has("json")) {
      const { access_token: _none, ...revoked } = await client.access.revokeToken(id);
      return out.json(revoked);
    }
    await out.action(`Revoking token ${id}`, () => client.access.revokeToken(id), { done: () => "done" });
    return undefined;
  },
};
