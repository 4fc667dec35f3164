/** Promotions of the last while, each to several apps at once: who asked comes again and again to see what became of them
 *  (devcenter.heroku.com/articles/platform-api-reference#pipeline-promotion). They do not outlive the daemon; the releases do. */
import { randomUUID } from "node:crypto";
import { RecentMap } from "../core/recent-map.ts";
import { AppError } from "../core/error.ts";
import type { Release } from "../core/release.ts";
import type { Actor } from "../platform/actor.ts";
import type { App } from "../platform/app.ts";
import { ReleaseFailed } from "../platform/make-release.ts";
import type { Platform } from "../platform/platform.ts";
import { promote } from "../platform/promote.ts";
import type { Visitor } from "../platform/visitor.ts";
import { answerFor } from "./answer-for.ts";

export interface Promotion {
  id: string;
  pipeline: string;
  /** The address of who began it. */
  by: string;
  source: { app: App; release: Release };
  targets: PromotionTarget[];
  createdAt: number;
  updatedAt: number;
}

export interface PromotionTarget {
  id: string;
  app: App;
  status: "pending" | "succeeded" | "failed";
  release: Release | undefined;
  /** Why it failed. */
  error: string | undefined;
}

const KEPT_MAX = 100;

export class Promotions {
  readonly #platform: Platform;
  readonly #kept = new RecentMap<string, Promotion>(KEPT_MAX);

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** For whoever began it.
   *  @throws AppError not_found */
  find(id: string, { isAdmin, actor }: Visitor): Promotion {
    const promotion = this.#kept.get(id);
    if (promotion !== undefined && (isAdmin || promotion.by === actor.by.email)) return promotion;
    throw new AppError("not_found", "Couldn't find that pipeline promotion.", { resource: "pipeline_promotion" });
  }

  begin(order: Pick<Promotion, "pipeline" | "source">, apps: readonly App[], actor: Actor): Promotion {
    const now = this.#platform.clock.now();
    const targets = apps.map((app) => target(app));
    const by = actor.by.email;
    const promotion: Promotion = { ...order, id: randomUUID(), by, targets, createdAt: now, updatedAt: now };
    this.#kept.set(promotion.id, promotion);
    for (const one of targets) void this.#run(promotion, one, actor);
    return promotion;
  }

  /** Never rejects. */
  async #run(promotion: Promotion, one: PromotionTarget, actor: Actor): Promise<void> {
    const { app, release } = promotion.source;
    try {
      one.release = await promote(this.#platform, { app, release }, one.app, actor);
      one.status = "succeeded";
    } catch (error) {
      const { id, message } = answerFor(error);
      if (id === "internal_server_error") this.#platform.journal.fault(`promoting ${app.name}`, error);
      one.release = error instanceof ReleaseFailed ? error.release : undefined;
      one.error = message;
      one.status = "failed";
    }
    promotion.updatedAt = this.#platform.clock.now();
  }
}

function target(app: App): PromotionTarget {
  return { id: randomUUID(), app, status: "pending", release: undefined, error: undefined };
}
