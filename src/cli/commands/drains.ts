/** `git heroku drains` */
import type { DrainItem, DrainStatus } from "../../api/resources.ts";
import { formatDuration } from "../../core/duration.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const drains: Command = {
  name: "drains",
  topic: "Logs",
  summary: "List where else the app's log goes",
  details:
    "Each drain has a token, by which its receiver knows the app. URLs are shown without user, password, values of the query and other keys. A receiver that is away loses nothing that `logs:retention` still keeps.",
  options: [
    ...APP_OPTIONS,
    { name: "extended", short: "x", summary: "how each one is: what it has delivered, since when it fails, why" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku drains", summary: "for the app of this clone" },
    { command: "git heroku drains --extended", summary: "whether the lines arrive" },
  ],
  async run(context) {
    const { client, args, out, world } = context;
    const items = await client.drains(context.app(), args.has("extended"));
    if (args.has("json")) return out.json(items);
    if (items.length === 0) return undefined;
    await out.line("=== Drains");
    for (const item of items) {
      await out.line(`${item.url} (${item.token})`);
      for (const line of describe(item, world.now())) await out.line(`    ${line}`);
    }
    return undefined;
  },
};

function describe({ extended }: DrainItem, now: number): string[] {
  if (extended === undefined) return [];
  const { delivered, dropped } = extended;
  const counts = [count(delivered, "delivered"), ...(dropped === 0 ? [] : [count(dropped, "dropped")])].join(", ");
  if (extended.error === null) return [`delivering; ${counts}`];
  return [`${extended.state}${sinceWords(extended, now)}: ${extended.error}`, `${waitWords(extended, now)}${counts}`];
}

function count(messages: number, what: string): string {
  return `${String(messages)} ${messages === 1 ? "message" : "messages"} ${what}`;
}

function sinceWords({ since }: DrainStatus, now: number): string {
  return since === null ? "" : ` since ${since} (${formatDuration(now - Date.parse(since))})`;
}

function waitWords({ retry_at, behind_seconds, state }: DrainStatus, now: number): string {
  if (state === "refused") return "";
  const behind = `${formatDuration(behind_seconds * 1000)} behind; `;
  return retry_at === null
    ? behind
    : `next try in ${formatDuration(Math.max(0, Date.parse(retry_at) - now))}, ${behind}`;
}
