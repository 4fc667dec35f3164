/** What the router knows of an app: its state and where its web processes listen. */
import type { Routes } from "../formation/roster.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** Nothing runs of an app without code. */
const BLANK = { endpoints: [], webState: "blank" } as const;

/** Resolves when it is in force. One at a time, so that an older state can never be set after a newer one. As long as it
 *  is not known what an earlier daemon left running, the router goes on by what that one told it. */
export function updateRoute(platform: Platform, app: App): Promise<void> {
  return app.routings.run(async () => {
    if (app.isEnding) return;
    const { maintenance } = await app.state();
    const routes = await routesOf(app);
    // `destroy` may have taken the app out of the router meanwhile.
    if (app.isEnding || routes === undefined) return;
    const { webState: state, endpoints: backends } = routes;
    await platform.router.setApp({ app: app.name, domains: [], maintenance, state, backends });
  });
}

async function routesOf(app: App): Promise<Routes | typeof BLANK | undefined> {
  const current = await app.ledger.current();
  return current?.code === undefined ? BLANK : app.routes;
}
