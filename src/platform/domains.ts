/** domains, domains:add and domains:remove: host names of an app's own. Makes no release. */
import { domainToASCII } from "node:url";
import { isBelow, parseDomain, readDomains } from "../core/domain.ts";
import { formatDate } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";
import { updateRoute } from "./route.ts";

/** So that the table of a router stays small. */
const DOMAINS_MAX = 1_000;

export interface Domain {
  name: string;
  /** RFC 3339. */
  addedAt: string;
}

/** By name. */
export async function listDomains(app: App): Promise<Domain[]> {
  const { domains } = await app.state();
  return Object.entries(domains)
    .map(([name, addedAt]) => ({ name, addedAt }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** All of them or none.
 *  @throws AppError invalid_params for what is no domain, is below a base domain, or is another app's */
export async function addDomains(
  platform: Platform,
  app: App,
  texts: readonly string[],
  actor: Actor,
): Promise<Domain[]> {
  const names = [...new Set(texts.map((text) => parseDomain(text, domainToASCII)))];
  const bases = platform.bases.map(({ name }) => name);
  const below = names.find((name) => isBelow(name, bases));
  if (below !== undefined) throw belongsToPlatform(below, bases);
  // One at a time, so that two apps cannot take one name.
  await platform.domainChanges.run(async () => {
    for (const other of platform.list()) if (other !== app) await refuseTaken(other, names);
    const at = formatDate(platform.clock.now());
    const hasChanged = await app.ledger.changeState(
      { ...actor, message: `Add domain ${names.join(", ")}` },
      (files) => {
        const before = readDomains(files["domains"]);
        const domains = { ...Object.fromEntries(names.map((name) => [name, at])), ...before };
        const count = Object.keys(domains).length;
        if (count > DOMAINS_MAX) throw tooMany(app);
        return count === Object.keys(before).length ? undefined : { ...files, domains };
      },
    );
    if (!hasChanged) return;
    for (const name of names) app.logChange(actor, `Add domain ${name}`);
    await updateRoute(platform, app);
  });
  return (await listDomains(app)).filter(({ name }) => names.includes(name));
}

/** @throws AppError not_found when it is not the app's */
export async function removeDomain(platform: Platform, app: App, text: string, actor: Actor): Promise<Domain> {
  const name = parseDomain(text, domainToASCII);
  return platform.domainChanges.run(async () => {
    const before = (await listDomains(app)).find((domain) => domain.name === name);
    if (before === undefined) throw notThere(app, name);
    await app.ledger.changeState({ ...actor, message: `Remove domain ${name}` }, (files) => {
      const { [name]: _removed, ...domains } = readDomains(files["domains"]);
      return { ...files, domains };
    });
    app.logChange(actor, `Remove domain ${name}`);
    await updateRoute(platform, app);
    return before;
  });
}

/** Domain → the apps that have it, where several do: restored apps may. */
export async function sharedDomains(platform: Platform): Promise<Map<string, string[]>> {
  const owners = new Map<string, string[]>();
  for (const app of platform.list()) {
    for (const { name } of await listDomains(app)) owners.set(name, [...(owners.get(name) ?? []), app.name]);
  }
  return new Map([...owners].filter(([, apps]) => apps.length > 1));
}

async function refuseTaken(other: App, names: readonly string[]): Promise<void> {
  const { domains } = await other.state();
  const taken = names.find((name) => Object.hasOwn(domains, name));
  if (taken === undefined) return;
  throw new AppError("invalid_params", `${taken} is a domain of ${other.name} already.`, {
    hint: `\`git heroku domains:remove '${taken}' --app ${other.name}\` frees it.`,
    discreet: new AppError("invalid_params", `${taken} is a domain of another app already.`),
  });
}

function belongsToPlatform(name: string, bases: readonly string[]): AppError {
  return new AppError(
    "invalid_params",
    `${name} belongs to the platform: each app has its name below ${bases.join(", ")}.`,
    {
      hint: "Add a domain of your own, such as www.example.com.",
    },
  );
}

function tooMany(app: App): AppError {
  return new AppError("invalid_params", `${app.name} cannot have more than ${String(DOMAINS_MAX)} domains.`, {
    hint: "A wildcard such as *.example.com stands for all names below it.",
  });
}

function notThere(app: App, name: string): AppError {
  return new AppError("not_found", `${name} is not a domain of ${app.name}.`, {
    hint: "`git heroku domains` lists them.",
  });
}
