/** What happens to apps, for whoever wants to tell others of it at once: webhooks. The log says it too, in words. */
import type { Release } from "../core/release.ts";
import type { Person } from "../core/person.ts";
import type { App, DynoInfo } from "./app.ts";
import type { BuildRecord } from "./builds.ts";

export type AppEvent =
  | { entity: "api:release"; release: Release }
  | { entity: "api:build"; build: BuildRecord }
  | { entity: "api:formation"; by: Person; type: string; quantity: number; before: number }
  | { entity: "dyno"; dyno: DynoInfo; before: string };

type Listener = (app: App, event: AppEvent) => void;

/** Of the moments in which apps are opened. */
const EARLY_MAX = 1000;

export class Events {
  #listener: Listener | undefined;
  /** What has happened before anybody listened. */
  #early: [app: App, event: AppEvent][] = [];

  /** There is one who tells others. */
  listen(listener: Listener): void {
    this.#listener = listener;
    for (const [app, event] of this.#early.splice(0)) listener(app, event);
  }

  tell(app: App, event: AppEvent): void {
    if (this.#listener !== undefined) this.#listener(app, event);
    else if (this.#early.length < EARLY_MAX) this.#early.push([app, event]);
  }
}
