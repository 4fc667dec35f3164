/** `git heroku keys` */
import type { KeyItem } from "../../api/key-resources.ts";
import { pad } from "../../core/text-table.ts";
import { JSON_OPTION, SERVER_OPTION, type Command } from "../command.ts";

export const keys: Command = {
  name: "keys",
  topic: "Access",
  summary: "List SSH keys: who may come in over SSH, and as whom",
  details: "On the platform's own machine those of everybody, elsewhere your own.",
  options: [
    { name: "long", short: "l", summary: "the whole keys, as authorized_keys has them" },
    SERVER_OPTION,
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku keys", summary: "fingerprint, whose, type and comment" },
    { command: "git heroku keys --long >authorized_keys", summary: "for another server" },
  ],
  async run({ args, client, out }) {
    const items = await client.access.keys();
    if (args.has("json")) return out.json(items);
    if (args.has("long")) return out.write(items.map(({ public_key: key }) => `${key}\n`).join(""));
    if (items.length === 0) return out.line("There are no SSH keys.");
    const width = Math.max(...items.map(({ email }) => email.length));
    for (const item of items) await out.line(format(item, width));
    return undefined;
  },
};

function format({ fingerprint, email, public_key: key, comment }: KeyItem, width: number): string {
  return [fingerprint, pad(email, width), key.split(" ")[0], comment].join("  ").trimEnd();
}
