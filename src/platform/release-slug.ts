/** A release of code that was built before, with the config of now: what `heroku releases:retry` asks for. */
import type { Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { deployAgain } from "./deploy-again.ts";
import { ensureSlug } from "./ensure-slug.ts";
import type { Platform } from "./platform.ts";
import { findReleaseOfSlug } from "./release-slugs.ts";

export interface SlugOrder {
  /** Its id, as releases name it. */
  slug: string;
  /** The subject of the release; `Deploy 20a5742` without one. */
  description: string | undefined;
}

/** @throws AppError not_found for an unknown slug, ReleaseFailed when the release command did not succeed */
export async function releaseSlug(platform: Platform, app: App, order: SlugOrder, actor: Actor): Promise<Release> {
  const source = await findReleaseOfSlug(app, order.slug);
  const { code = "", version } = source;
  await ensureSlug(platform, app, source);
  const { codeTree, procfile } = await app.ledger.snapshot(source);
  const { description } = order;
  return deployAgain(platform, app, { actor, slugOf: version }, { commit: code, description, codeTree, procfile });
}
