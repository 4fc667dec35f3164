/** drains, drains:add and drains:remove: where else an app's log goes. Makes no release. URLs may be secrets: they are
 *  encrypted in the ledger, and shown masked. */
import { randomUUID } from "node:crypto";
import { DRAINS_MAX, parseDrainUrl, readDrains, storeDrains, type StoredDrain } from "../core/drain.ts";
import { maskUrl } from "../core/http-target.ts";
import { formatDate } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import type { Settings } from "../core/settings.ts";
import type { DrainStatus } from "../drains/drain-health.ts";
import type { DrainRules, DrainSpec } from "../drains/drains.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";

export interface DrainInfo {
  id: string;
  token: string;
  /** RFC 3339. */
  createdAt: string;
  /** Masked. */
  url: string;
  /** Undefined while the daemon starts. */
  status: DrainStatus | undefined;
}

export function drainRulesOf(settings: Settings): DrainRules {
  const { logDrainConnectMs, logDrainRequestMs, logDrainRetryMs } = settings;
  return { connectMs: logDrainConnectMs, requestMs: logDrainRequestMs, maxMs: logDrainRetryMs };
}

/** In the order in which they were added. */
export async function listDrains(app: App): Promise<DrainInfo[]> {
  return (await readSpecs(app)).map((spec) => infoOf(app, spec));
}

/** @param which a token, an id, the URL or the masked URL
 *  @throws AppError not_found, or invalid_params when several have that masked URL */
export async function findDrain(app: App, which: string): Promise<DrainInfo> {
  return infoOf(app, pick(app, await readSpecs(app), which));
}

/** Everything that the log gets from now on goes there too.
 *  @throws AppError invalid_params for what is no such URL, is there already, or is one too many */
export function addDrain(app: App, url: string, actor: Actor): Promise<DrainInfo> {
  parseDrainUrl(url);
  return app.drainChanges.run(async () => {
    const specs = await readSpecs(app);
    if (specs.some((spec) => spec.url === url)) throw taken(url);
    if (specs.length >= DRAINS_MAX) throw tooMany(app);
    const spec = { id: randomUUID(), token: `d.${randomUUID()}`, createdAt: formatDate(app.clock.now()), url };
    const stored = { ...spec, url: await app.cipher.seal(url) };
    try {
      await app.drains.prepare(spec);
      await change(app, actor, `Add drain ${maskUrl(url)}`, (drains) => [...drains, stored]);
    } finally {
      await useDrains(app);
    }
    return infoOf(app, spec);
  });
}

/** @param which a token, an id, the URL or the masked URL
 *  @throws AppError not_found, or invalid_params when several have that masked URL */
export function removeDrain(app: App, which: string, actor: Actor): Promise<DrainInfo> {
  return app.drainChanges.run(async () => {
    const spec = pick(app, await readSpecs(app), which);
    const info = infoOf(app, spec);
    await change(app, actor, `Remove drain ${info.url}`, (drains) => drains.filter(({ id }) => id !== spec.id));
    await useDrains(app);
    return info;
  });
}

/** At the start of the daemon: each goes on from where it was. */
export function openDrains(app: App): Promise<void> {
  return app.drainChanges.run(() => useDrains(app));
}

/** With a new key: the URLs are encrypted for it too. */
export function resealDrains(app: App, actor: Actor): Promise<void> {
  return app.drainChanges.run(async () => {
    const sealed = new Map<string, string>();
    for (const { id, url } of await readSpecs(app)) if (url !== undefined) sealed.set(id, await app.cipher.seal(url));
    if (sealed.size === 0) return;
    await app.ledger.changeState({ ...actor, message: "Encrypt drains with the new key" }, (files) => {
      const drains = readDrains(files["drains"]);
      for (const drain of drains) drain.url = sealed.get(drain.id) ?? drain.url;
      return { ...files, drains: storeDrains(drains) };
    });
  });
}

async function change(
  app: App,
  actor: Actor,
  message: string,
  alter: (drains: StoredDrain[]) => StoredDrain[],
): Promise<void> {
  await app.ledger.changeState({ ...actor, message }, (files) => ({
    ...files,
    drains: storeDrains(alter(readDrains(files["drains"]))),
  }));
  app.logChange(actor, message);
}

async function useDrains(app: App): Promise<void> {
  if (!app.isEnding) await app.drains.use(await readSpecs(app));
}

/** With their URLs, as far as a key of the app opens them. */
async function readSpecs(app: App): Promise<DrainSpec[]> {
  const specs: DrainSpec[] = [];
  for (const { url, ...drain } of readDrains((await app.ledger.readState())["drains"])) {
    specs.push({ ...drain, url: await app.cipher.unseal(url) });
  }
  return specs;
}

function infoOf(app: App, { id, token, createdAt, url }: DrainSpec): DrainInfo {
  return { id, token, createdAt, url: maskUrl(url ?? ""), status: app.drains.status(id) };
}

function pick(app: App, specs: readonly DrainSpec[], which: string): DrainSpec {
  const exact = specs.find(({ id, token, url }) => [id, token, url].includes(which));
  if (exact !== undefined) return exact;
  const [found, other] = specs.filter(({ url }) => url !== undefined && maskUrl(url) === which);
  if (other !== undefined)
    throw new AppError("invalid_params", "Several drains look like that.", { hint: "Name the one by its token, d.…" });
  if (found !== undefined) return found;
  throw new AppError("not_found", "Couldn't find that log drain.", {
    hint: `\`git heroku drains --app ${app.name}\` lists the drains there are, with their tokens.`,
  });
}

function taken(url: string): AppError {
  return new AppError("invalid_params", `${maskUrl(url)} is a drain of this app already.`, {
    hint: "`git heroku drains` lists them.",
  });
}

function tooMany(app: App): AppError {
  return new AppError("invalid_params", `${app.name} cannot have more than ${String(DRAINS_MAX)} drains.`, {
    hint: "`git heroku drains:remove TOKEN` makes room for another one.",
  });
}
