/** `git heroku keys:remove` */
import { SERVER_OPTION, type Command } from "../command.ts";

export const keysRemove: Command = {
  name: "keys:remove",
  topic: "Access",
  summary: "Remove an SSH key",
  details:
    "It opens nothing any more: streams that were opened with it end, and a push that is under way makes no release. Its owner's other keys and tokens stay.",
  parameters: "<fingerprint|comment>",
  completes: "keys",
  options: [SERVER_OPTION],
  examples: [
    { command: "git heroku keys:remove kate@laptop", summary: "by its comment" },
    { command: "git heroku keys:remove SHA256:wz0a", summary: "by its fingerprint, when several have that comment" },
  ],
  async run({ args, client, out }) {
    const which = args.words[0] ?? "";
    const removed = await out.action(`Removing the key ${which}`, () => client.access.removeKey(which));
    return out.line(`It was ${removed.email}'s (${removed.fingerprint}).`);
  },
};
