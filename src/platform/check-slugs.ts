/** Looks at every file of the slugs that launches have asked for, some time after them, and builds again what is not as it was. */
import type { App } from "./app.ts";
import { ensureSlug } from "./ensure-slug.ts";
import type { Platform } from "./platform.ts";
import { isWholeToTheLeaf } from "./slug-health.ts";

export async function checkSlugs(platform: Platform, app: App): Promise<void> {
  for (const [version, slug] of app.slugs) {
    if (app.isEnding || !app.slugsToCount.delete(slug.id)) continue;
    if (await isWholeToTheLeaf(platform, app, slug)) continue;
    app.log("build", "Processes that run on it stay as they are until they are restarted");
    await ensureSlug(platform, app, await app.ledger.get(version));
  }
}
