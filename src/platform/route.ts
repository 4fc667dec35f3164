/** What the router knows of an app: its state and where its web processes listen. */
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** Resolves when it is in force. One at a time, so that an older state can never be set after a newer one. As long as it
 *  is not known what an earlier daemon left running, the router goes on by what that one told it. */
export function updateRoute(platform: Platform, app: App): Promise<void> {
  return app.routings.run(async () => {
    if (app.isEnding) return;
    const { maintenance } = await app.state();
    const current = await app.ledger.current();
    const isBlank = current?.code === undefined;
    // `destroy` may have taken the app out of the router meanwhile.
    if (app.isEnding || (!isBlank && app.routes === undefined)) return;
    await platform.router.setApp({
      app: app.name,
      domains: [],
      maintenance,
      state: isBlank ? "blank" : (app.routes?.webState ?? "none"),
      backends: app.routes?.endpoints ?? [],
    });
  });
}
