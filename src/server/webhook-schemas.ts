/** Heroku's webhooks and what became of their deliveries (docs/api.md, "Webhook"). */
import { WEBHOOK_ENTITIES, WEBHOOK_LEVELS } from "../core/webhook.ts";
import { list, named, object, oneOf, orNull, text, time, times, told, uuid, whole } from "./schema-words.ts";

const level = oneOf(...WEBHOOK_LEVELS);

export const webhook = object({
  app: named,
  id: uuid,
  include: list(oneOf(...WEBHOOK_ENTITIES)),
  level,
  url: told(text, "masked"),
  ...times,
});

const attempt = object({
  code: told(orNull(whole), "the status of the answer"),
  error_class: orNull(text),
  id: uuid,
  status: oneOf("succeeded", "failed"),
  ...times,
});

export const webhookDelivery = told(
  object({
    event: object({ id: uuid, include: text }),
    id: uuid,
    last_attempt: orNull(attempt),
    next_attempt_at: orNull(time),
    num_attempts: whole,
    status: oneOf("pending", "retrying", "succeeded", "failed"),
    webhook: object({ id: uuid, level }),
    ...times,
  }),
  "That one event is told to one webhook.",
);

export const webhookEvent = object({
  id: uuid,
  include: text,
  payload: told({ type: "object" }, "what is sent, but for `webhook_metadata`"),
  ...times,
});
