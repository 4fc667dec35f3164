/** told-events: what the webhooks of an app have been told of, and what an earlier daemon came to know and could not tell: it was
 *  killed between the one and the other. The ledger, the records of builds and what runs say it. */
import { quantityOf, readAppState } from "../core/app-state.ts";
import type { Told } from "../webhooks/told-file.ts";
import type { App } from "./app.ts";
import type { AppEvent } from "./events.ts";

export interface Missed {
  events: AppEvent[];
  /** Where telling begins of kinds that nobody wanted to know of until now. */
  begin: Told | undefined;
}

/** Whether an event is one of those that were told when this daemon began. */
export function isToldOf(told: Told, event: AppEvent): boolean {
  return event.entity === "api:release" && told.release !== undefined && event.release.version <= told.release;
}

/** What is known once this has been told too. */
export function toldWith(app: App, event: AppEvent): Told {
  const told = app.webhooks.told.value;
  switch (event.entity) {
    case "api:release":
      return { ...told, release: event.release.version };
    case "api:build": {
      const { id, status } = event.build;
      const others = (told.builds ?? []).filter((one) => one !== id);
      return { ...told, builds: status === "pending" ? [...others, id] : others };
    }
    case "api:formation":
      return { ...told, formation: { ...told.formation, [event.type]: event.quantity } };
    case "dyno": {
      const listed = new Set(app.processes().map(({ name }) => name));
      const states = { ...told.dynos, [event.dyno.name]: event.dyno.state };
      return { ...told, dynos: Object.fromEntries(Object.entries(states).filter(([name]) => listed.has(name))) };
    }
  }
}

/** Of releases, builds and scaling. */
export async function missedByReceivers(app: App): Promise<Missed> {
  const told = app.webhooks.told.value;
  const found = [await missedBuilds(app, told), await missedReleases(app, told), await missedScaling(app, told)];
  const begin: Told = Object.assign({}, ...found.map((one) => one.begin));
  const events = found.flatMap((one) => one.events);
  return { events, begin: changed(told, begin, ["release", "builds", "formation"]) };
}

/** Of what runs: those processes that are listed, once it is known what an earlier daemon left running. */
export function missedOfProcesses(app: App): Promise<Missed> {
  const told = app.webhooks.told.value;
  if (!app.webhooks.wants("dyno")) return Promise.resolve({ events: [], begin: changed(told, {}, ["dynos"]) });
  const events: AppEvent[] = [];
  const states: Record<string, string> = {};
  for (const dyno of app.processes()) {
    const before = told.dynos?.[dyno.name];
    states[dyno.name] = before ?? dyno.state;
    if (before !== undefined && before !== dyno.state) events.push({ entity: "dyno", dyno, before });
  }
  return Promise.resolve({ events, begin: changed(told, { dynos: states }, ["dynos"]) });
}

/** Undefined when it says what is known already; a kind that nobody wants to know of any more is forgotten. */
function changed(told: Told, begin: Told, kinds: readonly (keyof Told)[]): Told | undefined {
  const next: Told = Object.fromEntries(kinds.map((kind) => [kind, begin[kind]]));
  return kinds.every((kind) => JSON.stringify(told[kind]) === JSON.stringify(next[kind])) ? undefined : next;
}

const UNWANTED: Missed = { events: [], begin: undefined };

async function missedReleases(app: App, told: Told): Promise<Missed> {
  if (!app.webhooks.wants("api:release")) return UNWANTED;
  const head = (await app.ledger.head())?.version ?? 0;
  const release = Math.min(told.release ?? head, head);
  const events: AppEvent[] = [];
  for (let version = release + 1; version <= head; version += 1) {
    events.push({ entity: "api:release", release: await app.ledger.get(version) });
  }
  return { events, begin: { release } };
}

/** Those that have ended, also with the daemon that made them. One that is known no more has no news. */
async function missedBuilds(app: App, { builds = [] }: Told): Promise<Missed> {
  if (!app.webhooks.wants("api:build")) return UNWANTED;
  if (builds.length === 0) return { events: [], begin: { builds } };
  const ended = (await app.builds.list()).filter(({ id, status }) => builds.includes(id) && status !== "pending");
  return { events: ended.toReversed().map((build) => ({ entity: "api:build", build })), begin: { builds } };
}

async function missedScaling(app: App, { formation }: Told): Promise<Missed> {
  if (!app.webhooks.wants("api:formation")) return UNWANTED;
  const { quantities } = readAppState(await app.ledger.readState());
  if (formation === undefined) return { events: [], begin: { formation: quantities } };
  const types = Object.keys(quantities).filter((type) => quantityOf(quantities, type) !== quantityOf(formation, type));
  const by = types.length === 0 ? undefined : await app.ledger.stateAuthor();
  if (by === undefined) return { events: [], begin: { formation } };
  const events = types.map((type): AppEvent => {
    const before = quantityOf(formation, type);
    return { entity: "api:formation", by, type, quantity: quantityOf(quantities, type), before };
  });
  return { events, begin: { formation } };
}
