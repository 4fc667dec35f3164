/** What the router knows of an app: its state and where its web processes listen. */
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

export async function updateRoute(platform: Platform, app: App): Promise<void> {
  if (app.isDestroyed) return;
  const { maintenance } = await app.state();
  const current = await app.ledger.current();
  platform.router.setApp({
    app: app.name,
    domains: [],
    maintenance,
    state: current?.code === undefined ? "blank" : app.routes.webState,
    backends: app.routes.endpoints,
  });
}
