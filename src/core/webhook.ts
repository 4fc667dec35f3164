/** Webhooks: events of an app that are told to another program by POST (devcenter.heroku.com/articles/app-webhooks). */
import { AppError } from "./error.ts";
import { httpTarget, readUrl, type HttpTarget } from "./http-target.ts";
import { isJsonObject, type Json } from "./json.ts";

/** What events are about. */
export const WEBHOOK_ENTITIES = ["api:build", "api:formation", "api:release", "dyno"] as const;
export type WebhookEntity = (typeof WEBHOOK_ENTITIES)[number];

/** `notify`: each event is sent once, come what may; `sync`: until it is taken. */
export const WEBHOOK_LEVELS = ["notify", "sync"] as const;
export type WebhookLevel = (typeof WEBHOOK_LEVELS)[number];

/** For each app. */
export const WEBHOOKS_MAX = 10;

/** What a person chooses, and nobody else may see. */
export interface WebhookSecrets {
  url: string;
  /** Signs what is sent. */
  secret: string;
  /** The `Authorization` header. */
  authorization: string | undefined;
}

export interface WebhookFacts {
  /** A UUID. */
  id: string;
  include: readonly WebhookEntity[];
  level: WebhookLevel;
  /** RFC 3339. */
  createdAt: string;
  updatedAt: string;
}

/** As it is in the ledger: `sealed` is `WebhookSecrets` as JSON, encrypted. */
export interface StoredWebhook extends WebhookFacts {
  sealed: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FIRST_RETRY_MS = 1_000;

/** What `webhooks.json` says, in the order in which they were added. */
export function readWebhooks(stored: Json | undefined): StoredWebhook[] {
  if (!isJsonObject(stored)) return [];
  const webhooks = Object.entries(stored).map(([id, value]) => readWebhook(id, value));
  return webhooks.filter((one) => one !== undefined).sort((a, b) => (a.createdAt + a.id < b.createdAt + b.id ? -1 : 1));
}

function readWebhook(id: string, value: Json): StoredWebhook | undefined {
  if (!UUID.test(id) || !isJsonObject(value)) return undefined;
  const { include, level, createdAt, updatedAt, sealed } = value;
  const known = WEBHOOK_LEVELS.find((one) => one === level);
  if (known === undefined || !Array.isArray(include)) return undefined;
  if (typeof createdAt !== "string" || typeof updatedAt !== "string" || typeof sealed !== "string") return undefined;
  const entities = WEBHOOK_ENTITIES.filter((one) => include.includes(one));
  return { id, include: entities, level: known, createdAt, updatedAt, sealed };
}

export function storeWebhooks(webhooks: readonly StoredWebhook[]): Json {
  return Object.fromEntries(webhooks.map(({ id, ...facts }) => [id, { ...facts }]));
}

export function formatSecrets({ url, secret, authorization }: WebhookSecrets): string {
  return JSON.stringify({ url, secret, authorization });
}

/** Undefined when it is not what `formatSecrets` makes. */
export function parseSecrets(text: string): WebhookSecrets | undefined {
  const stored = JSON.parse(text) as Json;
  if (!isJsonObject(stored)) return undefined;
  const { url, secret, authorization } = stored;
  if (typeof url !== "string" || typeof secret !== "string") return undefined;
  return { url, secret, authorization: typeof authorization === "string" ? authorization : undefined };
}

/** @throws AppError invalid_params; nothing of the text is told but its scheme. */
export function parseWebhookUrl(text: string): HttpTarget {
  const url = readUrl(text);
  if (url === undefined) throw refused("That is no URL.");
  if (!/^https?:$/.test(url.protocol)) throw refused(`${url.protocol}// is nothing that a webhook can speak.`);
  const target = httpTarget(url);
  if (target === undefined) throw refused("The user or the password in that URL is badly encoded.");
  return target;
}

/** @throws AppError invalid_params */
export function parseEntities(texts: readonly string[]): WebhookEntity[] {
  const unknown = texts.find((text) => !WEBHOOK_ENTITIES.some((entity) => entity === text));
  if (unknown === undefined && texts.length > 0) return WEBHOOK_ENTITIES.filter((one) => texts.includes(one));
  const what =
    unknown === undefined ? "Say what to tell of." : `There are no events of ${JSON.stringify(unknown.slice(0, 40))}.`;
  throw new AppError("invalid_params", what, { hint: `There are events of ${WEBHOOK_ENTITIES.join(", ")}.` });
}

function refused(why: string): AppError {
  return new AppError("invalid_params", why, {
    hint: "Write https://HOST/PATH or http://HOST/PATH, in at most 1000 characters.",
  });
}

/** 1 s, 2 s, 4 s … after so many attempts; each between half and all of that, so that not all come back in one moment.
 *  @param maxMs the longest wait
 *  @param chance in [0, 1) */
export function webhookRetryMs(attempts: number, maxMs: number, chance: number): number {
  const most = Math.min(maxMs, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 30));
  return Math.round((most / 2) * (1 + chance));
}
