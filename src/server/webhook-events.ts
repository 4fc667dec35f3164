/** What a webhook's receiver gets of an event: the resource as the API has it, what it was before, and who did it
 *  (devcenter.heroku.com/articles/app-webhooks-schema, "Webhook Event"). */
import { createHash, randomUUID } from "node:crypto";
import { quantityOf } from "../core/app-state.ts";
import { PLATFORM_PERSON } from "../core/person.ts";
import { idOfObject, type App } from "../platform/app.ts";
import type { AppEvent } from "../platform/events.ts";
import { currentOf } from "../platform/current-release.ts";
import type { Platform } from "../platform/platform.ts";
import { processTypes } from "../platform/scale.ts";
import { isToldOf, missedByReceivers, missedOfProcesses, toldWith } from "../platform/told-events.ts";
import { buildResource } from "./build-routes.ts";
import { NO_LINKS } from "./links.ts";
import { dynoResource, formationResources, iso, person, releaseResources, type Resource } from "./resources.ts";

const VERSION = "application/vnd.heroku+json; version=3";

interface Told {
  action: "create" | "update";
  /** An address. */
  by: string;
  data: Resource;
  before?: Resource;
}

/** Tells the webhooks of each app from now on, and first what an earlier daemon could not. Where nobody wants to know, it
 *  costs nothing. */
export function announceEvents(platform: Platform): void {
  for (const app of platform.list()) {
    if (!app.webhooks.areThere) continue;
    void inTurn(platform, app, () => tellMissed(platform, app, missedByReceivers));
    void app.started.then(() => inTurn(platform, app, () => tellMissed(platform, app, missedOfProcesses)));
  }
  platform.events.listen((app, event) => {
    if (!app.webhooks.wants(event.entity)) return;
    const at = platform.clock.now();
    void inTurn(platform, app, () => tellOf(platform, app, event, at));
  });
}

/** The webhooks of an app are others now: what is told from here on begins with what is now.
 *  Resolves when the next daemon would go on from there. */
export function beginTelling(platform: Platform, app: App): Promise<void> {
  return inTurn(platform, app, async () => {
    await tellMissed(platform, app, missedByReceivers);
    await tellMissed(platform, app, missedOfProcesses);
  });
}

/** What is told later is not known to be told before. Never rejects. */
async function inTurn(platform: Platform, app: App, work: () => Promise<void>): Promise<void> {
  await app.webhooks.telling.run(work).catch((error: unknown) => {
    if (!app.isEnding) platform.journal.fault(`telling the webhooks of ${app.name}`, error);
  });
}

async function tellMissed(platform: Platform, app: App, find: typeof missedByReceivers): Promise<void> {
  const { events, begin } = await find(app);
  if (begin !== undefined) app.webhooks.told.set({ ...app.webhooks.told.value, ...begin });
  for (const event of events) await tellOf(platform, app, event, platform.clock.now());
}

async function tellOf(platform: Platform, app: App, event: AppEvent, at: number): Promise<void> {
  if (isToldOf(app.webhooks.told.value, event)) return;
  const { action, by, data, before = {} } = await describe(platform, app, event);
  const { entity } = event;
  const payload = {
    action,
    actor: person(by),
    created_at: iso(at),
    data,
    previous_data: before,
    published_at: iso(at),
    resource: entity.replace(/^api:/, ""),
    sequence: null,
    updated_at: iso(at),
    version: VERSION,
  };
  app.webhooks.tell({ id: idOf(event), entity, at, payload }, toldWith(app, event));
}

/** What may be told twice has the same id both times. */
function idOf(event: AppEvent): string {
  if (event.entity === "api:release") return idFrom(`api:release ${event.release.oid}`);
  if (event.entity === "api:build") return idFrom(`api:build ${event.build.id} ${event.build.status}`);
  return randomUUID();
}

function idFrom(text: string): string {
  return idOfObject(createHash("sha256").update(text).digest("hex"));
}
async function describe(platform: Platform, app: App, event: AppEvent): Promise<Told> {
  switch (event.entity) {
    case "api:release": {
      const { release } = event;
      const [data = {}] = await releaseResources(app, [release], NO_LINKS);
      return { action: "create", by: release.by.email, data };
    }
    case "api:build": {
      const { build } = event;
      const data = await buildResource(platform, app, build, NO_LINKS);
      if (build.status === "pending") return { action: "create", by: build.by, data };
      return { action: "update", by: build.by, data, before: { status: "pending" } };
    }
    case "api:formation": {
      const data = await formationOf(app, event.type, event.quantity);
      return { action: "update", by: event.by.email, data, before: { quantity: event.before } };
    }
    case "dyno": {
      const data = await dynoResource(app, event.dyno);
      return { action: "update", by: PLATFORM_PERSON.email, data, before: { state: event.before } };
    }
  }
}

async function formationOf(app: App, type: string, quantity: number): Promise<Resource> {
  const [procfile, release] = await Promise.all([processTypes(app), currentOf(app)]);
  const data = formationResources(app, procfile, { [type]: quantity }, release).find((one) => one["type"] === type);
  return data ?? { app: { id: app.id, name: app.name }, type, quantity: quantityOf({ [type]: quantity }, type) };
}
