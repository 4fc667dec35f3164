/** What the router knows of an app: its state and where its web processes listen. */
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** One at a time, so that an older state can never be set after a newer one. */
export function updateRoute(platform: Platform, app: App): Promise<void> {
  return app.routings.run(async () => {
    if (app.isEnding) return;
    const { maintenance } = await app.state();
    const current = await app.ledger.current();
    // `destroy` may have taken the app out of the router meanwhile.
    if (app.isEnding) return;
    platform.router.setApp({
      app: app.name,
      domains: [],
      maintenance,
      state: current?.code === undefined ? "blank" : app.routes.webState,
      backends: app.routes.endpoints,
    });
  });
}
