/** `git heroku tokens` */
import type { TokenItem } from "../../api/token-resources.ts";
import { formatAgo } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import { JSON_OPTION, type Command } from "../command.ts";

export const tokens: Command = {
  name: "tokens",
  topic: "Access",
  summary: "List who may use the Platform API over TCP",
  details:
    "The tokens themselves are shown nowhere: only their hashes are stored. When one was used last is exact to a minute. One of an admin is for everything on the platform, the others for what their owner may do (git heroku access).",
  options: [JSON_OPTION],
  examples: [{ command: "git heroku tokens", summary: "all of this platform" }],
  async run({ args, client, out, world }) {
    const items = await client.access.tokens();
    if (args.has("json")) return out.json(items.map(({ access_token: _none, ...item }) => item));
    if (items.length === 0) return out.line("There are no tokens.");
    for (const item of items) await out.line(format(item, world.now()));
    return undefined;
  },
};

function format({ id, description, user, admin, expires_at, used_at }: TokenItem, now: number): string {
  const used = used_at === null ? "never used" : `used ${formatAgo(Date.parse(used_at), now)}`;
  return [id.slice(0, 8), pad(user.email, 24), admin ? "admin" : "", used, expiryWords(expires_at, now), description]
    .filter((part) => part !== "")
    .join("  ");
}

function expiryWords(expires: string | null, now: number): string {
  if (expires === null) return "";
  return Date.parse(expires) <= now ? "expired" : `expires ${expires}`;
}
