/** Whether slugs are what was built (Heroku's R17): a quick look at each launch, a longer one when nobody waits. */
import { errorHead } from "../core/error-codes.ts";
import { countAgain, isAsCounted } from "../build/census.ts";
import { findDamage, looksIntact, stampAgain } from "../build/slug-check.ts";
import { setAsideDamaged } from "../build/slug-shelf.ts";
import type { Slug } from "../build/slug-store.ts";
import type { App } from "./app.ts";
import { exists } from "./home.ts";
import type { Platform } from "./platform.ts";
import { gitOf } from "./slugs.ts";

/** A slug whose stamp is wrong is read in full, by one at a time. */
export async function isWhole(platform: Platform, app: App, slug: Slug): Promise<boolean> {
  if (await looksIntact(slug)) return true;
  return app.slugChecks.run(async () => (await looksIntact(slug)) || (await examine(platform, app, slug)));
}

/** The same by every name, size and time. */
export async function isWholeToTheLeaf(platform: Platform, app: App, slug: Slug): Promise<boolean> {
  return app.slugChecks.run(async () => {
    const isSame = await isAsCounted(slug, app.ending).catch(() => {
      app.ending.throwIfAborted();
      return false;
    });
    return isSame || (await examine(platform, app, slug));
  });
}

/** One that is not what was built is set aside (R17). */
async function examine(platform: Platform, app: App, slug: Slug): Promise<boolean> {
  if (!(await exists(slug.dir))) return false;
  const damage = await findDamage(gitOf(platform, app), slug);
  if (damage === undefined) {
    slug.stamp = await stampAgain(slug);
    await countAgain(slug, app.ending);
    return true;
  }
  const { expected, actual, layer } = damage;
  const sums = `Expected: SHA256:${expected} Actual: SHA256:${actual ?? "unreadable"}`;
  const msg = `${errorHead("R17")} -> Slug ${slug.id.slice(0, 8)} is not what was built. ${sums}`;
  app.logs.append({ ps: "build", source: "heroku", level: "error", msg });
  setAsideDamaged(slug, layer);
  return false;
}
