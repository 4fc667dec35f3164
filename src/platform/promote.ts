/** promote: the code that one app runs, as it was built there, becomes a release of another app, with that app's config.
 *  Nothing is built again (devcenter.heroku.com/articles/pipelines, "Deploy with pipelines"). */
import { AppError } from "../core/error.ts";
import { describePromotion, formatVersion, type Release } from "../core/release.ts";
import { copySlug } from "../build/copy-slug.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { deployAgain } from "./deploy-again.ts";
import { ensureSlug } from "./ensure-slug.ts";
import type { Platform } from "./platform.ts";
import { gitOf } from "./slugs.ts";

export interface PromotionSource {
  app: App;
  /** A release of it. */
  release: Release;
}

/** Waits for a build of the target that is under way.
 *  @throws AppError invalid_params when there is no code to promote; ReleaseFailed when the target's release command did not
 *    succeed */
export async function promote(
  platform: Platform,
  { app, release }: PromotionSource,
  target: App,
  actor: Actor,
): Promise<Release> {
  if (app === target) {
    throw new AppError("invalid_params", `${app.name} cannot be promoted to itself.`, {
      hint: "To release its code again: git heroku releases:redeploy",
    });
  }
  const { code, version } = release;
  if (code === undefined) {
    throw new AppError("invalid_params", `${formatVersion(version)} of ${app.name} has no code to promote.`, {
      hint: "Deploy to it first, with git push.",
    });
  }
  return target.pushes.run(async () => {
    const built = await ensureSlug(platform, app, release, actor.output);
    await target.ledger.code.takeOver(code, platform.home.repo(app.name), target.ending);
    const slug = await copySlug(built, target.dir, gitOf(platform, target));
    const { codeTree, procfile } = await app.ledger.snapshot(release);
    const description = describePromotion(app.name, version, code);
    const promoted = { commit: code, change: "promotion" as const, description, codeTree, procfile };
    return deployAgain(platform, target, { actor, slugOf: slug }, promoted);
  });
}
