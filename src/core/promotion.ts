/** Promotions along a pipeline, as they are kept: who asked comes again to see what became of each target. */
import { isJsonObject, type Json } from "./json.ts";
import { parseAll, parseFacts } from "./pipeline.ts";

export interface PromotionTarget {
  /** A UUID. */
  id: string;
  /** The app's id. */
  app: string;
  status: "pending" | "succeeded" | "failed";
  /** The object id of what came of it; empty for nothing. */
  release: string;
  /** Why it failed; empty when it did not. */
  error: string;
}

export interface Promotion {
  /** A UUID. */
  id: string;
  pipeline: string;
  /** The address of who began it. */
  owner: string;
  /** The source's id, the object id of its release, and the commit of that. */
  app: string;
  release: string;
  code: string;
  targets: readonly PromotionTarget[];
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
}

export function formatPromotions(promotions: readonly Promotion[]): Json {
  return promotions.map(({ createdAt, updatedAt, targets, ...facts }) => ({
    ...facts,
    targets: targets.map((target) => ({ ...target })),
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  }));
}

/** Undefined when it is not what `formatPromotions` makes. */
export function parsePromotions(stored: Json): Promotion[] | undefined {
  return parseAll(stored, (one) => {
    const facts = parseFacts(one, ["id", "pipeline", "owner", "app", "release", "code"]);
    const targets = isJsonObject(one) ? parseAll(one["targets"], parseTarget) : undefined;
    return facts === undefined || targets === undefined ? undefined : { ...facts, targets };
  });
}

function parseTarget(stored: Json): PromotionTarget | undefined {
  if (!isJsonObject(stored)) return undefined;
  const { id, app, status, release, error } = stored;
  const isStatus = status === "pending" || status === "succeeded" || status === "failed";
  if (!isStatus || [id, app, release, error].some((text) => typeof text !== "string")) return undefined;
  return { ...(stored as unknown as PromotionTarget) };
}
