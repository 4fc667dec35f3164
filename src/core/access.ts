/** Who may do what with an app: its owner, and collaborators with Heroku's permissions (Dev Center, "App Permissions"), as
 *  `collaborators.json` of the state has them (docs/formats.md, "State"). People are told apart by their address. */
import { AppError } from "./error.ts";
import { isJsonObject, type Json } from "./json.ts";

/** `view` comes with any other, `manage` brings all others. */
export const PERMISSIONS = ["view", "deploy", "operate", "manage"] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** What it takes to do something with an app: to be its owner, or to have one of these. */
export type Need = "owner" | readonly Permission[];

export interface Collaborator {
  email: string;
  /** In the order of `PERMISSIONS`. */
  permissions: readonly Permission[];
  /** The address of who added them. */
  by: string;
  /** RFC 3339, whole seconds. */
  at: string;
}

export interface Access {
  owner: string;
  /** By address. */
  collaborators: ReadonlyMap<string, Collaborator>;
}

/** What Heroku lets a collaborator do when nothing else is said: all but what is the owner's, and letting others in. */
export const USUAL_PERMISSIONS: readonly Permission[] = ["view", "deploy", "operate"];
/** Each is written with every change of access. */
export const COLLABORATORS_MAX = 500;
const EMAIL_LENGTH_MAX = 200;
const EMAIL = /^[^\s<>@,;:"()[\]\\]+@[^\s<>@,;:"()[\]\\]+$/u;

/** Two spellings of one address are one person. */
export function sameAddress(email: string): string {
  return email.normalize("NFC").toLowerCase();
}

/** An address as it is stored.
 *  @throws AppError invalid_params */
export function parseEmail(text: string): string {
  const email = sameAddress(text.trim());
  if (email.length <= EMAIL_LENGTH_MAX && EMAIL.test(email) && !/[\p{C}\p{Zl}\p{Zp}]/u.test(email)) return email;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 40))} is no e-mail address.`, {
    hint: "Write it as in kate@foobazco.com.",
  });
}

/** @throws AppError invalid_params for a word that is none */
export function parsePermissions(words: readonly string[]): Permission[] {
  const wrong = words.find((word) => !isPermission(word));
  if (wrong !== undefined) {
    throw new AppError("invalid_params", `There is no permission ${JSON.stringify(wrong.slice(0, 40))}.`, {
      hint: `Permissions are ${PERMISSIONS.join(", ")}.`,
    });
  }
  return PERMISSIONS.filter((permission) => permission === "view" || words.includes(permission));
}

function isPermission(word: unknown): word is Permission {
  return PERMISSIONS.some((permission) => permission === word);
}

/** What does not look like a collaborator is passed over: a damaged entry lets nobody in.
 *  @param creator the address of who made the app, whose it is until it is given away */
export function readAccess(stored: Json | undefined, creator: string): Access {
  const file = isJsonObject(stored) ? stored : {};
  const owner = file["owner"];
  const list = file["collaborators"];
  const collaborators = Object.entries(isJsonObject(list) ? list : {})
    .map(([email, value]) => readCollaborator(email, value))
    .filter((one) => one !== undefined);
  return {
    owner: sameAddress(typeof owner === "string" ? owner : creator),
    collaborators: new Map(collaborators.map((one) => [one.email, one])),
  };
}

function readCollaborator(email: string, value: Json): Collaborator | undefined {
  if (!isJsonObject(value)) return undefined;
  const { permissions, by, at } = value;
  if (!Array.isArray(permissions) || typeof by !== "string" || typeof at !== "string") return undefined;
  const known = PERMISSIONS.filter((permission) => permissions.includes(permission));
  return known.length === 0 ? undefined : { email: sameAddress(email), permissions: known, by, at };
}

/** The file with one of its people set or, with undefined, taken away; keys that are not known stay.
 *  @throws AppError invalid_params when there are too many */
export function changeCollaborator(stored: Json | undefined, email: string, one: Collaborator | undefined): Json {
  const file = isJsonObject(stored) ? stored : {};
  const list = file["collaborators"];
  const { [email]: _before, ...others } = isJsonObject(list) ? list : {};
  if (one === undefined) return { ...file, collaborators: others };
  if (Object.keys(others).length >= COLLABORATORS_MAX) {
    throw new AppError("invalid_params", `An app may have ${String(COLLABORATORS_MAX)} collaborators.`, {
      hint: "Remove some first; `git heroku access` lists them.",
    });
  }
  const { at, by, permissions } = one;
  return { ...file, collaborators: { ...others, [email]: { at, by, permissions } } };
}

/** The file with another owner, and the one before as a collaborator with all permissions. */
export function changeOwner(stored: Json | undefined, owner: string, before: Collaborator): Json {
  const kept = changeCollaborator(changeCollaborator(stored, owner, undefined), before.email, before);
  return { ...(isJsonObject(kept) ? kept : {}), owner };
}

/** Undefined for somebody who must not even know that the app is there. */
export function permissionsOf({ owner, collaborators }: Access, email: string): readonly Permission[] | undefined {
  const address = sameAddress(email);
  return address === owner ? PERMISSIONS : collaborators.get(address)?.permissions;
}

export function isAllowed(access: Access, email: string, need: Need): boolean {
  if (need === "owner") return sameAddress(email) === access.owner;
  const permissions = permissionsOf(access, email) ?? [];
  return permissions.includes("manage") || need.some((permission) => permissions.includes(permission));
}

/** In Heroku's words. */
export function notAllowed(app: string, need: Need): AppError {
  const lack =
    need === "owner"
      ? "Only its owner may do that."
      : `You need to have the ${need.join(" or ")} permission on this app.`;
  return new AppError("forbidden", `You do not have permission to do this on ${app}. ${lack}`, {
    hint: `Who may do what: git heroku access --app ${app}`,
  });
}
