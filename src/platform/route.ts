/** What the router knows of an app: its names, its state, where its web processes listen, its limits and pages. */
import type { AppState } from "../core/app-state.ts";
import type { Settings } from "../core/settings.ts";
import type { Routes } from "../formation/roster.ts";
import type { AppRoute } from "../router/route-table.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** Resolves when it is in force. One at a time, so that an older state can never be set after a newer one. As long as it
 *  is not known what an earlier daemon left running, the router goes on by what that one told it. */
export function updateRoute(platform: Platform, app: App): Promise<void> {
  return app.routings.run(async () => {
    if (app.isEnding) return;
    const route = await describeRoute(platform, app);
    // `destroy` may have taken the app out of the router meanwhile.
    if (!app.isEnding && route !== undefined) await setRoute(platform, route);
  });
}

/** An entry under a former name, of before a renaming, serves until this one is in force. */
async function setRoute({ router }: Platform, route: AppRoute): Promise<void> {
  await router.setApp(route);
  for (const former of route.formerNames ?? []) await router.removeApp(former);
}

const NOT_LAUNCHED: Routes = { endpoints: [], webState: "starting" };

/** The app has code for the first time: from now on requests wait for the processes that the launch will start. Never
 *  rejects: the release is made. */
export async function holdRequests(platform: Platform, app: App): Promise<void> {
  // Without code no daemon has started any; a launch that was quicker knows better.
  app.routes ??= NOT_LAUNCHED;
  await updateRoute(platform, app).catch((error: unknown) => platform.journal.fault(`routing to ${app.name}`, error));
}

/** Undefined as long as it is not known what an earlier daemon left running. */
async function describeRoute(platform: Platform, app: App): Promise<AppRoute | undefined> {
  const state = await app.state();
  const current = await app.ledger.current();
  const formerNames = platform.formerNames.of(app.name);
  const common = {
    app: app.name,
    domains: Object.keys(state.domains),
    ...(formerNames.length > 0 && { formerNames }),
    maintenance: state.maintenance,
  };
  if (current?.code === undefined) return { ...common, state: "blank", backends: [] };
  if (app.routes === undefined) return undefined;
  const { webState, endpoints } = app.routes;
  const pages = await readPages(app, state, current.version);
  return { ...common, state: webState, backends: endpoints, pages, ...trafficRules(state.settings) };
}

function trafficRules(settings: Settings): Pick<AppRoute, "limits" | "quietMs"> {
  const { autosleepMs } = settings;
  const limits = {
    bootMs: settings.bootWaitMs,
    connectMs: settings.connectTimeoutMs,
    firstByteMs: settings.requestTimeoutMs,
    heldMax: settings.maxBacklog,
    idleMs: settings.idleTimeoutMs,
    inFlightMax: settings.maxConnections,
  };
  return Number.isFinite(autosleepMs) ? { limits, quietMs: autosleepMs } : { limits };
}

async function readPages(app: App, { settings }: AppState, version: number): Promise<NonNullable<AppRoute["pages"]>> {
  const slugDir = app.slugs.get(version)?.dir;
  const error = await app.pages.find({ name: "error-page", setting: settings.errorPage, slugDir });
  const maintenance = await app.pages.find({ name: "maintenance-page", setting: settings.maintenancePage, slugDir });
  return { ...(error !== undefined && { error }), ...(maintenance !== undefined && { maintenance }) };
}
