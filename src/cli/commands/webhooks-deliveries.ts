/** `git heroku webhooks:deliveries` */
import type { WebhookDelivery } from "../../api/webhook-calls.ts";
import { formatAgo, formatDuration } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Arguments, type Command } from "../command.ts";
import { countOption, usageError } from "../parse-arguments.ts";

const USUAL = 15;
/** As many are kept. */
const MAX = 500;
const STATUSES = ["pending", "retrying", "succeeded", "failed"];

export const webhooksDeliveries: Command = {
  name: "webhooks:deliveries",
  topic: "Apps",
  summary: "List what webhooks were told, or show one",
  details:
    "Newest first; of one, which is named by the beginning of its id, all that was sent. The newest 500 are kept.",
  parameters: "[id]",
  options: [
    ...APP_OPTIONS,
    { name: "num", short: "n", value: "COUNT", summary: `how many (usually ${String(USUAL)})` },
    {
      name: "status",
      short: "s",
      value: "STATUS",
      completes: STATUSES,
      summary: `only those that are ${STATUSES.slice(0, -1).join(", ")} or failed`,
    },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku webhooks:deliveries", summary: "the last ones" },
    { command: "git heroku webhooks:deliveries --status failed", summary: "what nobody took" },
    { command: "git heroku webhooks:deliveries 7ffc8cfe", summary: "what was sent" },
  ],
  async run(context) {
    const { client, args, out, world } = context;
    const [app, id] = [context.app(), args.words[0]];
    if (id !== undefined) {
      const delivery = await client.webhooks.delivery(app, id);
      const { payload } = await client.webhooks.event(app, delivery.event.id);
      if (args.has("json")) return out.json({ ...delivery, payload });
      await out.line(describe(delivery, world.now()));
      return out.json(payload);
    }
    const count = countOption(webhooksDeliveries, args, { name: "num", usual: USUAL, max: MAX });
    const found = (await client.webhooks.deliveries(app, readStatus(args))).slice(0, count);
    if (args.has("json")) return out.json(found);
    for (const delivery of found) await out.line(describe(delivery, world.now()));
    return undefined;
  },
};

/** @throws AppError usage for another word. */
function readStatus(args: Arguments): string | undefined {
  const status = args.value("status");
  if (status === undefined || STATUSES.includes(status)) return status;
  throw usageError(webhooksDeliveries, `--status is one of ${STATUSES.join(", ")}, not ${JSON.stringify(status)}`);
}

function describe(delivery: WebhookDelivery, now: number): string {
  const { id, event, webhook, status, created_at: createdAt } = delivery;
  const when = formatAgo(Date.parse(createdAt), now);
  const row = [id.slice(0, 8), pad(event.include, 13), pad(webhook.id.slice(0, 8), 8), pad(status, 9), pad(when, 14)];
  return `${row.join("  ")}  ${outcome(delivery, now)}`.trimEnd();
}

function outcome(
  { last_attempt: last, num_attempts: attempts, next_attempt_at: next }: WebhookDelivery,
  now: number,
): string {
  if (last?.error_class === undefined || last.error_class === null) return "";
  const tries = attempts === 1 ? "" : `, ${String(attempts)} attempts`;
  const again = next === null ? "" : `, again in ${formatDuration(Math.max(0, Date.parse(next) - now))}`;
  return `${last.error_class}${tries}${again}`;
}
