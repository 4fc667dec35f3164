/** Promotions of the last while, each to several apps at once: who asked comes again and again to see what became of them
 *  (devcenter.heroku.com/articles/platform-api-reference#pipeline-promotion). They are kept in `promotions.json`; of one that
 *  was under way when the daemon was killed, the targets' ledgers say what came of it. */
import { randomUUID } from "node:crypto";
import { AppError } from "../core/error.ts";
import { formatPromotions, parsePromotions, type Promotion, type PromotionTarget } from "../core/promotion.ts";
import type { Release } from "../core/release.ts";
import type { Actor } from "../platform/actor.ts";
import type { App } from "../platform/app.ts";
import { ReleaseFailed } from "../platform/make-release.ts";
import type { Platform } from "../platform/platform.ts";
import { promote, type PromotionSource } from "../platform/promote.ts";
import { StoredFile, type StoredForm } from "../platform/stored-file.ts";
import type { Visitor } from "../platform/visitor.ts";
import { answerFor } from "./answer-for.ts";

export type { Promotion, PromotionTarget };

const KEPT_MAX = 100;
const LOST = "The platform stopped while it ran; nothing was released.";

type Outcome = Omit<PromotionTarget, "id" | "app">;

const FORM: StoredForm<readonly Promotion[]> = {
  what: "promotions",
  damage: "none can be begun",
  empty: [],
  parse: parsePromotions,
  format: formatPromotions,
};

export class Promotions {
  readonly #platform: Platform;
  /** Oldest first. */
  readonly #file: StoredFile<readonly Promotion[]>;

  private constructor(platform: Platform, file: StoredFile<readonly Promotion[]>) {
    this.#platform = platform;
    this.#file = file;
  }

  static async open(platform: Platform): Promise<Promotions> {
    const { home, journal } = platform;
    const promotions = new Promotions(platform, await StoredFile.open(home.promotionsFile, FORM, journal));
    for (const promotion of promotions.#file.value) await promotions.#settleLost(promotion);
    return promotions;
  }

  /** For whoever began it.
   *  @throws AppError not_found */
  find(id: string, { isAdmin, actor }: Visitor): Promotion {
    const promotion = this.#file.value.find((one) => one.id === id);
    if (promotion !== undefined && (isAdmin || promotion.owner === actor.by.email)) return promotion;
    throw new AppError("not_found", "Couldn't find that pipeline promotion.", { resource: "pipeline_promotion" });
  }

  /** @throws AppError unavailable when it cannot be stored: none is begun then */
  async begin(pipeline: string, source: PromotionSource, apps: readonly App[], actor: Actor): Promise<Promotion> {
    const now = this.#platform.clock.now();
    const targets = apps.map((app) => ({ id: randomUUID(), app: app.id, status: "pending", release: "", error: "" }));
    const promotion: Promotion = {
      id: randomUUID(),
      pipeline,
      owner: actor.by.email,
      app: source.app.id,
      release: source.release.oid,
      code: source.release.code ?? "",
      targets: targets as PromotionTarget[],
      createdAt: now,
      updatedAt: now,
    };
    await this.#file.change((all) => [...all, promotion].slice(-KEPT_MAX));
    for (const [at, app] of apps.entries()) {
      void this.#run(source, app, actor).then((outcome) => this.#note(promotion.id, at, outcome));
    }
    return promotion;
  }

  /** Never rejects. */
  async #run(source: PromotionSource, target: App, actor: Actor): Promise<Outcome> {
    try {
      return succeeded(await promote(this.#platform, source, target, actor));
    } catch (error) {
      const { id, message } = answerFor(error);
      if (id === "internal_server_error") this.#platform.journal.fault(`promoting ${source.app.name}`, error);
      const release = error instanceof ReleaseFailed ? error.release.oid : "";
      return { status: "failed", release, error: message };
    }
  }

  /** Never rejects: what cannot be written is found in the ledgers by the next daemon. */
  async #note(id: string, at: number, outcome: Outcome): Promise<void> {
    const updatedAt = this.#platform.clock.now();
    const settled = (one: Promotion): Promotion => ({
      ...one,
      updatedAt,
      targets: one.targets.with(at, { ...one.targets[at]!, ...outcome }),
    });
    await this.#file
      .change((all) => all.map((one) => (one.id === id ? settled(one) : one)))
      .catch((error: unknown) => this.#platform.journal.fault("noting a promotion", error));
  }

  /** One that an earlier daemon had under way. */
  async #settleLost(promotion: Promotion): Promise<void> {
    for (const [at, { app: id, status }] of promotion.targets.entries()) {
      if (status !== "pending") continue;
      const app = this.#platform.list().find((one) => one.id === id);
      const release = app === undefined ? undefined : await findPromoted(app, promotion);
      await this.#note(promotion.id, at, release === undefined ? lost() : outcomeOf(release));
    }
  }
}

/** The release of this code that was made by a promotion since then, whatever became of it. */
async function findPromoted({ ledger }: App, { code, createdAt }: Promotion): Promise<Release | undefined> {
  for (let version = (await ledger.head())?.version ?? 0; version > 0; version -= 1) {
    const release = await ledger.get(version);
    // git keeps whole seconds.
    if (release.createdAt < Math.floor(createdAt / 1000) * 1000) return undefined;
    if (release.change === "promotion" && release.code === code) return release;
  }
  return undefined;
}

function outcomeOf(release: Release): Outcome {
  return release.status === "succeeded"
    ? succeeded(release)
    : { status: "failed", release: release.oid, error: "The release command failed." };
}

function succeeded({ oid }: Release): Outcome {
  return { status: "succeeded", release: oid, error: "" };
}

function lost(): Outcome {
  return { status: "failed", release: "", error: LOST };
}
