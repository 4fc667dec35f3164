/** access: who may do what with an app, and the one place where somebody is let to it or not. Makes no release. */
import {
  changeCollaborator,
  changeOwner,
  isAllowed,
  notAllowed,
  parseEmail,
  permissionsOf,
  PERMISSIONS,
  readAccess,
  sameAddress,
  type Access,
  type Collaborator,
  type Need,
  type Permission,
} from "../core/access.ts";
import { formatDate } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { noApp } from "./no-app.ts";
import type { Platform } from "./platform.ts";
import { addressOf, revocationOf, type Bearer, type Visitor } from "./visitor.ts";

const FILE = "collaborators";

export async function accessOf(app: App): Promise<Access> {
  const [first, files] = await Promise.all([app.ledger.get(1), app.ledger.readState()]);
  return readAccess(files[FILE], first.by.email);
}

/** The app, for a visitor who may do this with it. To somebody who may not see it, it is as if it were not there.
 *  @throws AppError not_found, or forbidden when they may see it but not do this */
export async function enterApp(platform: Platform, visitor: Visitor, name: string, need: Need): Promise<App> {
  const address = addressOf(visitor);
  if (address === undefined) return platform.app(name);
  const app = platform.find(name);
  const access = app === undefined ? undefined : await knownAccess(app);
  if (app === undefined || access === undefined || permissionsOf(access, address) === undefined) throw noApp(name);
  if (!isAllowed(access, address, need)) throw notAllowed(app.name, need);
  return platform.app(name);
}

/** What an app said last that is being closed and can no longer tell. */
const last = new WeakMap<App, Access>();

async function knownAccess(app: App): Promise<Access | undefined> {
  try {
    const access = await accessOf(app);
    last.set(app, access);
    return access;
  } catch (error) {
    if (app.isEnding || app.renamedTo !== undefined) return last.get(app);
    throw error;
  }
}

/** Those of the platform's apps that a visitor may see. */
export async function visibleApps(platform: Platform, visitor: Visitor): Promise<App[]> {
  const address = addressOf(visitor);
  const apps = platform.list();
  if (address === undefined) return apps;
  const accesses = await Promise.all(apps.map((app) => knownAccess(app)));
  return apps.filter((_app, index) => {
    const access = accesses[index];
    return access !== undefined && permissionsOf(access, address) !== undefined;
  });
}

/** Who comes with a secret address that was given to somebody.
 *  @throws AppError not_found when their token or key is good no more */
export function visitorWith(platform: Platform, { credential, address }: Bearer): Visitor {
  const onRevoked = credential === null ? undefined : revocationOf(platform, credential);
  if (credential !== null && onRevoked === undefined) throw new AppError("not_found", "This address is good no more.");
  const email = address ?? "";
  const actor: Actor = { by: { name: email, email }, via: "api" };
  return { isAdmin: address === null, credential: credential ?? undefined, onRevoked, actor };
}

/** What somebody does with an app for a while, and what ends it when they may no longer. */
export interface Stay {
  visitor: Visitor;
  app: App;
  need: Need;
  cut: () => void;
}

/** From now on it is cut off when the visitor's token or key is revoked, or their access to the app is taken away.
 *  @returns to be called when it is over */
export function watchStay(stay: Stay): () => void {
  const { visitor, app, cut } = stay;
  const address = addressOf(visitor);
  const recheck = (access: Access): void => {
    if (address !== undefined && !isAllowed(access, address, stay.need)) cut();
  };
  if (address !== undefined) app.onAccess.add(recheck);
  visitor.onRevoked?.add(cut);
  return () => {
    app.onAccess.delete(recheck);
    visitor.onRevoked?.delete(cut);
  };
}

/** @throws AppError invalid_params for no address, the owner's, one too many, or who is there already */
export async function addCollaborator(
  { clock }: Platform,
  app: App,
  asked: { email: string; permissions: readonly Permission[] },
  actor: Actor,
): Promise<Collaborator> {
  const email = parseEmail(asked.email);
  const one: Collaborator = {
    email,
    permissions: asked.permissions,
    by: actor.by.email,
    at: formatDate(clock.now()),
  };
  const words = `Add collaborator ${email} (${asked.permissions.join(", ")})`;
  await changeAccess(app, { actor, words }, (stored, access) => {
    if (permissionsOf(access, email) !== undefined) throw hasAccess(app, email);
    return changeCollaborator(stored, email, one);
  });
  return one;
}

/** @throws AppError not_found when they are no collaborator */
export async function updateCollaborator(
  app: App,
  asked: { email: string; permissions: readonly Permission[] },
  actor: Actor,
): Promise<Collaborator> {
  const email = sameAddress(asked.email);
  const words = `Update collaborator ${email} (${asked.permissions.join(", ")})`;
  let changed: Collaborator | undefined;
  await changeAccess(app, { actor, words }, (stored, access) => {
    changed = { ...findCollaborator(app, access, email), permissions: asked.permissions };
    return changeCollaborator(stored, changed.email, changed);
  });
  if (changed === undefined) throw noCollaborator();
  return changed;
}

/** What they do with the app right now ends.
 *  @throws AppError not_found when they are no collaborator, forbidden for the owner */
export async function removeCollaborator(app: App, who: string, actor: Actor): Promise<Collaborator> {
  const email = sameAddress(who);
  let removed: Collaborator | undefined;
  await changeAccess(app, { actor, words: `Remove collaborator ${email}` }, (stored, access) => {
    removed = findCollaborator(app, access, email);
    return changeCollaborator(stored, removed.email, undefined);
  });
  if (removed === undefined) throw noCollaborator();
  return removed;
}

/** Who had it before stays as a collaborator with all permissions.
 *  @throws AppError invalid_params for no address, or the owner's */
export async function transferApp({ clock }: Platform, app: App, recipient: string, actor: Actor): Promise<void> {
  const email = parseEmail(recipient);
  await changeAccess(app, { actor, words: `Transfer app to ${email}` }, (stored, { owner }) => {
    if (email === owner) throw hasAccess(app, email);
    const before = { email: owner, permissions: PERMISSIONS, by: actor.by.email, at: formatDate(clock.now()) };
    return changeOwner(stored, email, before);
  });
}

async function changeAccess(
  app: App,
  { actor, words }: { actor: Actor; words: string },
  change: (stored: Parameters<typeof readAccess>[0], access: Access) => ReturnType<typeof changeCollaborator>,
): Promise<void> {
  const creator = (await app.ledger.get(1)).by.email;
  const hasChanged = await app.ledger.changeState({ ...actor, message: words }, (files) => ({
    ...files,
    [FILE]: change(files[FILE], readAccess(files[FILE], creator)),
  }));
  if (!hasChanged) return;
  app.logChange(actor, words);
  const access = await accessOf(app);
  for (const recheck of app.onAccess) recheck(access);
}

function findCollaborator(app: App, { owner, collaborators }: Access, email: string): Collaborator {
  const found = collaborators.get(email);
  if (found !== undefined) return found;
  if (email !== owner) throw noCollaborator();
  throw new AppError("forbidden", `The owner of ${app.name} has every permission, and cannot be removed.`, {
    hint: `To give the app to somebody else: git heroku transfer EMAIL --app ${app.name}`,
  });
}

export function noCollaborator(): AppError {
  return new AppError("not_found", "Couldn't find that collaborator.", {
    hint: "`git heroku access` lists who has access to the app.",
    resource: "collaborator",
  });
}

function hasAccess({ name }: App, email: string): AppError {
  return new AppError("invalid_params", `${email} has access to ${name} already.`, {
    hint: `To change what they may do: git heroku access:update ${email} --permissions …`,
  });
}
