/** webhooks, webhooks:add, webhooks:update and webhooks:remove: who is told of an app's events. Makes no release. URLs and secrets are
 *  encrypted in the ledger, and URLs are shown masked. */
import { randomBytes, randomUUID } from "node:crypto";
import { formatDate } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import { maskUrl } from "../core/http-target.ts";
import type { Settings } from "../core/settings.ts";
import {
  formatSecrets,
  parseEntities,
  parseSecrets,
  parseWebhookUrl,
  readWebhooks,
  storeWebhooks,
  WEBHOOKS_MAX,
  type StoredWebhook,
  type WebhookFacts,
  type WebhookLevel,
} from "../core/webhook.ts";
import type { Attempt, Delivery, WebhookEvent } from "../webhooks/delivery-log.ts";
import type { WebhookRules } from "../webhooks/webhook-sender.ts";
import type { WebhookSpec } from "../webhooks/webhooks.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

export type { Attempt, Delivery, WebhookEvent };

export interface WebhookInfo extends WebhookFacts {
  /** Masked. */
  url: string;
}

export interface WebhookOrder {
  url: string;
  include: readonly string[];
  level: WebhookLevel;
  /** One is made up when it is left out. */
  secret?: string | null | undefined;
  authorization?: string | null | undefined;
}

const SECRET_BYTES = 32;
const TEXT_LENGTH_MAX = 1000;

export function webhookRulesOf({ webhookTimeoutMs, webhookRetryMs }: Settings): WebhookRules {
  return { timeoutMs: webhookTimeoutMs, retryMaxMs: webhookRetryMs };
}

/** In the order in which they were added. */
export async function listWebhooks(app: App): Promise<WebhookInfo[]> {
  return (await readSpecs(app)).map(infoOf);
}

/** By its id or a beginning of that.
 *  @throws AppError not_found */
export async function findWebhook(app: App, id: string): Promise<WebhookInfo> {
  return infoOf(pick(await readSpecs(app), id));
}

/** @returns its secret too, which nobody is told again
 *  @throws AppError invalid_params */
export function addWebhook(
  platform: Platform,
  app: App,
  order: WebhookOrder,
  actor: Actor,
): Promise<{ info: WebhookInfo; secret: string }> {
  checkUrl(platform, order.url);
  const include = parseEntities(order.include);
  const secret = checkText("secret", order.secret) ?? randomBytes(SECRET_BYTES).toString("hex");
  const authorization = checkText("authorization", order.authorization);
  return app.webhookChanges.run(async () => {
    if ((await readSpecs(app)).length >= WEBHOOKS_MAX) throw tooMany(app);
    const now = formatDate(app.clock.now());
    const facts = { id: randomUUID(), include, level: order.level, createdAt: now, updatedAt: now };
    const secrets = { url: order.url, secret, authorization };
    const sealed = await app.cipher.seal(formatSecrets(secrets));
    await change(app, actor, `Add webhook ${maskUrl(order.url)}`, (all) => [...all, { ...facts, sealed }]);
    return { info: { ...facts, url: maskUrl(order.url) }, secret };
  });
}

/** What is left out stays as it is. What is under way goes to the new place.
 *  @throws AppError not_found, invalid_params */
export function updateWebhook(
  platform: Platform,
  app: App,
  { id, ...order }: Partial<WebhookOrder> & { id: string },
  actor: Actor,
): Promise<{ info: WebhookInfo; secret: string | undefined }> {
  if (order.url !== undefined) checkUrl(platform, order.url);
  const given = {
    secret: checkText("secret", order.secret),
    authorization: checkText("authorization", order.authorization),
  };
  return app.webhookChanges.run(async () => {
    const { secrets, ...facts } = pick(await readSpecs(app), id);
    if (secrets === undefined) throw unreadable();
    const include = order.include === undefined ? facts.include : parseEntities(order.include);
    const next = {
      url: order.url ?? secrets.url,
      secret: given.secret ?? secrets.secret,
      authorization: order.authorization === undefined ? secrets.authorization : given.authorization,
    };
    const changed = { ...facts, include, level: order.level ?? facts.level, updatedAt: formatDate(app.clock.now()) };
    const sealed = await app.cipher.seal(formatSecrets(next));
    await change(app, actor, `Change webhook ${maskUrl(next.url)}`, (all) =>
      all.map((one) => (one.id === facts.id ? { ...changed, sealed } : one)),
    );
    return { info: { ...changed, url: maskUrl(next.url) }, secret: given.secret };
  });
}

/** @throws AppError not_found */
export function removeWebhook(app: App, id: string, actor: Actor): Promise<WebhookInfo> {
  return app.webhookChanges.run(async () => {
    const info = infoOf(pick(await readSpecs(app), id));
    await change(app, actor, `Remove webhook ${info.url}`, (all) => all.filter((one) => one.id !== info.id));
    return info;
  });
}

/** At the start of the daemon: what was under way goes on. */
export function openWebhooks(app: App): Promise<void> {
  return app.webhookChanges.run(() => useWebhooks(app));
}

/** With a new key: the secrets are encrypted for it too. */
export function resealWebhooks(app: App, actor: Actor): Promise<void> {
  return app.webhookChanges.run(async () => {
    const sealed = new Map<string, string>();
    for (const { id, secrets } of await readSpecs(app)) {
      if (secrets !== undefined) sealed.set(id, await app.cipher.seal(formatSecrets(secrets)));
    }
    if (sealed.size === 0) return;
    await store(app, actor, "Encrypt webhooks with the new key", (all) =>
      all.map((one) => ({ ...one, sealed: sealed.get(one.id) ?? one.sealed })),
    );
  });
}

type Alter = (all: StoredWebhook[]) => StoredWebhook[];

async function change(app: App, actor: Actor, message: string, alter: Alter): Promise<void> {
  await store(app, actor, message, alter);
  app.logChange(actor, message);
  await useWebhooks(app);
}

async function store(app: App, actor: Actor, message: string, alter: Alter): Promise<void> {
  await app.ledger.changeState({ ...actor, message }, (files) => ({
    ...files,
    webhooks: storeWebhooks(alter(readWebhooks(files["webhooks"]))),
  }));
}

async function useWebhooks(app: App): Promise<void> {
  if (!app.isEnding) await app.webhooks.use(await readSpecs(app));
}

/** With their secrets, as far as a key of the app opens them. */
async function readSpecs(app: App): Promise<WebhookSpec[]> {
  const specs: WebhookSpec[] = [];
  for (const { sealed, ...facts } of readWebhooks((await app.ledger.readState())["webhooks"])) {
    const text = await app.cipher.unseal(sealed);
    specs.push({ ...facts, secrets: text === undefined ? undefined : parseSecrets(text) });
  }
  return specs;
}

function infoOf({ secrets, ...facts }: WebhookSpec): WebhookInfo {
  return { ...facts, url: maskUrl(secrets?.url ?? "") };
}

function pick(specs: readonly WebhookSpec[], id: string): WebhookSpec {
  const [found, other] = specs.filter((one) => id.length >= 4 && one.id.startsWith(id));
  if (found !== undefined && other === undefined) return found;
  throw new AppError("not_found", "Couldn't find that webhook.", {
    hint: "`git heroku webhooks` lists the webhooks there are, with their ids.",
    resource: "webhook",
  });
}

/** An address that may not be used is refused at once where the URL has it, and when it is looked up else. */
function checkUrl({ outbound }: Platform, text: string): void {
  const { host } = parseWebhookUrl(text);
  if (outbound.guard.allows(host)) return;
  throw new AppError("invalid_params", `${host} is an address that webhooks may not be sent to.`, {
    hint: "It is the platform's own or in a private network. GIT_HEROKU_WEBHOOK_NETWORKS of the platform names networks that may be.",
  });
}

/** One line: it becomes a header, or may. */
function checkText(name: string, text: string | null | undefined): string | undefined {
  if (text === undefined || text === null || text === "") return undefined;
  if (text.length <= TEXT_LENGTH_MAX && /^[\x20-\x7e]+$/.test(text)) return text;
  throw new AppError("invalid_params", `That ${name} cannot be used.`, {
    hint: `Use at most ${String(TEXT_LENGTH_MAX)} characters of ASCII on one line.`,
  });
}

function unreadable(): AppError {
  return new AppError("conflict", "The URL of that webhook cannot be decrypted with the keys of this app.", {
    hint: "Remove it, and add it again.",
  });
}

function tooMany(app: App): AppError {
  return new AppError("invalid_params", `${app.name} cannot have more than ${String(WEBHOOKS_MAX)} webhooks.`, {
    hint: "`git heroku webhooks:remove ID` makes room for another one.",
  });
}
