/** What the router knows of an app: its names, its state, where its web processes listen, its limits and pages. */
import type { AppState } from "../core/app-state.ts";
import type { AppRoute } from "../router/route-table.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** Resolves when it is in force. One at a time, so that an older state can never be set after a newer one. As long as it
 *  is not known what an earlier daemon left running, the router goes on by what that one told it. */
export function updateRoute(platform: Platform, app: App): Promise<void> {
  return app.routings.run(async () => {
    if (app.isEnding) return;
    const route = await describeRoute(app);
    // `destroy` may have taken the app out of the router meanwhile.
    if (!app.isEnding && route !== undefined) await platform.router.setApp(route);
  });
}

async function describeRoute(app: App): Promise<AppRoute | undefined> {
  const state = await app.state();
  const current = await app.ledger.current();
  const isBlank = current?.code === undefined;
  if (!isBlank && app.routes === undefined) return undefined;
  const pages = await readPages(app, state, current?.code);
  const { autosleepMs, bootWaitMs, connectTimeoutMs, idleTimeoutMs, requestTimeoutMs } = state.settings;
  return {
    app: app.name,
    domains: Object.keys(state.domains),
    maintenance: state.maintenance,
    state: isBlank ? "blank" : (app.routes?.webState ?? "none"),
    backends: app.routes?.endpoints ?? [],
    limits: {
      bootMs: bootWaitMs,
      connectMs: connectTimeoutMs,
      firstByteMs: requestTimeoutMs,
      idleMs: idleTimeoutMs,
    },
    ...(Number.isFinite(autosleepMs) && { quietMs: autosleepMs }),
    ...(pages !== undefined && { pages }),
  };
}

async function readPages(app: App, { settings }: AppState, code: string | undefined): Promise<AppRoute["pages"]> {
  const slugDir = code === undefined ? undefined : app.slugs.get(code)?.dir;
  const error = await app.pages.find({ name: "error-page", setting: settings.errorPage, slugDir });
  const maintenance = await app.pages.find({ name: "maintenance-page", setting: settings.maintenancePage, slugDir });
  if (error === undefined && maintenance === undefined) return undefined;
  return { ...(error !== undefined && { error }), ...(maintenance !== undefined && { maintenance }) };
}
