/** What a webhook's receiver gets of an event: the resource as the API has it, what it was before, and who did it
 *  (devcenter.heroku.com/articles/app-webhooks-schema, "Webhook Event"). */
import { randomUUID } from "node:crypto";
import { quantityOf } from "../core/app-state.ts";
import { PLATFORM_PERSON } from "../core/person.ts";
import type { App } from "../platform/app.ts";
import type { AppEvent } from "../platform/events.ts";
import { currentOf } from "../platform/current-release.ts";
import type { Platform } from "../platform/platform.ts";
import { processTypes } from "../platform/scale.ts";
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

/** Tells the webhooks of each app from now on. Where nobody wants to know, it costs nothing. */
export function announceEvents(platform: Platform): void {
  platform.events.listen((app, event) => {
    if (!app.webhooks.wants(event.entity)) return;
    const at = platform.clock.now();
    tellOf(platform, app, event, at).catch((error: unknown) =>
      platform.journal.fault(`telling of ${event.entity} of ${app.name}`, error),
    );
  });
}

async function tellOf(platform: Platform, app: App, event: AppEvent, at: number): Promise<void> {
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
  app.webhooks.tell({ id: randomUUID(), entity, at, payload });
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
