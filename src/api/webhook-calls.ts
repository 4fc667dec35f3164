/** An app's webhooks, as the Platform API tells and changes them (docs/api.md, "Webhook"). */
import type { Question } from "./exchange.ts";
import { appPath } from "./paths.ts";

export interface WebhookItem {
  id: string;
  include: string[];
  level: string;
  /** Masked. */
  url: string;
  created_at: string;
}

export interface WebhookRequest {
  url: string;
  include: string[];
  level: string;
  secret: string;
  authorization: string | undefined;
}

export interface WebhookDelivery {
  id: string;
  created_at: string;
  event: { id: string; include: string };
  webhook: { id: string; level: string };
  status: string;
  num_attempts: number;
  next_attempt_at: string | null;
  last_attempt: { code: number | null; error_class: string | null; created_at: string } | null;
}

export interface WebhookEventItem {
  id: string;
  payload: unknown;
}

export type Get = <T>(path: string) => Promise<T>;
export type Change = <T>(method: Question["method"], path: string, body?: unknown) => Promise<T>;

export class WebhookCalls {
  readonly #get: Get;
  readonly #change: Change;

  constructor(get: Get, change: Change) {
    this.#get = get;
    this.#change = change;
  }

  list = (app: string): Promise<WebhookItem[]> => this.#get(appPath(app, "webhooks"));
  add = (app: string, request: WebhookRequest): Promise<WebhookItem> =>
    this.#change("POST", appPath(app, "webhooks"), request);
  /** By its id or a beginning of that. */
  remove = (app: string, id: string): Promise<WebhookItem> => this.#change("DELETE", appPath(app, "webhooks", id));
  /** Newest first; with a status those alone that have it. */
  deliveries = (app: string, status?: string): Promise<WebhookDelivery[]> => {
    const query = status === undefined ? "" : `?${new URLSearchParams({ "eq[status]": status }).toString()}`;
    return this.#get(`${appPath(app, "webhook-deliveries")}${query}`);
  };
  /** By its id or a beginning of that. */
  delivery = (app: string, id: string): Promise<WebhookDelivery> => this.#get(appPath(app, "webhook-deliveries", id));
  event = (app: string, id: string): Promise<WebhookEventItem> => this.#get(appPath(app, "webhook-events", id));
}
