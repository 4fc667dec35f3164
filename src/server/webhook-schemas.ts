/** Heroku's webhooks and what became of their deliveries (docs/api.md, "Webhook"). */
import { WEBHOOK_ENTITIES, WEBHOOK_LEVELS } from "../core/webhook.ts";
import { list, named, object, oneOf, orNull, text, time, times, uuid, whole } from "./schema-words.ts";

const level = oneOf(...WEBHOOK_LEVELS);

export const webhook = object({
  app: named,
  id: uuid,
  include: list(oneOf(...WEBHOOK_ENTITIES)),
  level,
  url: text,
  ...times,
});

const attempt = object({
  code: orNull(whole),
  error_class: orNull(text),
  id: uuid,
  status: oneOf("succeeded", "failed"),
  ...times,
});

export const webhookDelivery = object({
  event: object({ id: uuid, include: text }),
  id: uuid,
  last_attempt: orNull(attempt),
  next_attempt_at: orNull(time),
  num_attempts: whole,
  status: oneOf("pending", "retrying", "succeeded", "failed"),
  webhook: object({ id: uuid, level }),
  ...times,
});

export const webhookEvent = object({ id: uuid, include: text, payload: { type: "object" }, ...times });
