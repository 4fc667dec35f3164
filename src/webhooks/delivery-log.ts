/** The deliveries of one app's webhooks, one file each: what is to be told, to whom, and how that went. They are written without
 *  waiting for the disk: a daemon that is killed loses none, a power cut the last moment's. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { formatJson, type Json } from "../core/json.ts";
import type { WebhookEntity, WebhookLevel } from "../core/webhook.ts";

export interface WebhookEvent {
  /** A UUID. */
  id: string;
  entity: WebhookEntity;
  /** Milliseconds since the epoch. */
  at: number;
  /** What a receiver gets, but for what is told of the delivery itself. */
  payload: Readonly<Record<string, unknown>>;
}

export interface Attempt {
  /** A UUID. */
  id: string;
  at: number;
  /** The status of the answer; null when there was none. */
  code: number | null;
  /** Why it did not arrive; null when it did. */
  error: string | null;
}

export interface Delivery {
  /** A UUID. */
  id: string;
  event: WebhookEvent;
  /** Its id. */
  webhook: string;
  level: WebhookLevel;
  status: "pending" | "retrying" | "succeeded" | "failed";
  attempts: number;
  last: Attempt | null;
  /** When it is tried again. */
  nextAt: number | null;
}

/** Deliveries that are known. */
const KEPT_MAX = 500;
const NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/;

export function isOver({ status }: Delivery): boolean {
  return status === "succeeded" || status === "failed";
}

export class DeliveryLog {
  readonly #dir: string;
  readonly #onFault: (error: unknown) => void;
  /** Oldest first. */
  #known = new Map<string, Delivery>();
  #loading: Promise<void> | undefined;

  constructor(dir: string, onFault: (error: unknown) => void) {
    this.#dir = dir;
    this.#onFault = onFault;
  }

  /** Reads what an earlier daemon left, once. */
  load(): Promise<void> {
    return (this.#loading ??= this.#load());
  }

  async #load(): Promise<void> {
    const names = await readdir(this.#dir).catch(() => []);
    const found = await Promise.all(names.filter((name) => NAME.test(name)).map((name) => this.#read(name)));
    const stored = found.filter((one) => one !== undefined).sort((a, b) => a.event.at - b.event.at);
    // What has happened meanwhile is newer.
    this.#known = new Map([...stored.map((one) => [one.id, one] as const), ...this.#known]);
  }

  /** Undefined for half a file, as a power cut may leave. */
  async #read(name: string): Promise<Delivery | undefined> {
    try {
      return JSON.parse(await readFile(join(this.#dir, name), "utf8")) as Delivery;
    } catch {
      return undefined;
    }
  }

  /** Newest first. */
  async list(): Promise<Delivery[]> {
    await this.load();
    return [...this.#known.values()].toReversed();
  }

  /** A new one, or news of one. What cannot be written, as on a full disk, is known as long as the daemon runs. */
  put(delivery: Delivery): void {
    this.#known.set(delivery.id, delivery);
    if (this.#known.size > KEPT_MAX) this.#forgetOne();
    try {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      const path = join(this.#dir, `${delivery.id}.json`);
      writeFileSync(`${path}.tmp`, formatJson(delivery as unknown as Json), { mode: 0o600 });
      renameSync(`${path}.tmp`, path);
    } catch (error) {
      this.#onFault(error);
    }
  }

  knows({ id }: Delivery): boolean {
    return this.#known.has(id);
  }

  /** The oldest that is over, or else the oldest. */
  #forgetOne(): void {
    const all = [...this.#known.values()];
    const { id = "" } = all.find(isOver) ?? all[0] ?? {};
    this.#known.delete(id);
    rmSync(join(this.#dir, `${id}.json`), { force: true });
  }
}
