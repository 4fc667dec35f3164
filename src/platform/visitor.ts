/** Who has come in by one of the platform's doors, and how far they may go. A door makes one of what it has checked itself:
 *  the user of a socket, a token, a key; never of what its client says of itself. */
import { AppError } from "../core/error.ts";
import type { Actor } from "./actor.ts";
import type { KeyUse } from "./keys.ts";
import type { Platform } from "./platform.ts";
import type { TokenUse } from "./tokens.ts";

export interface Visitor {
  /** Whose name their changes carry. */
  readonly actor: Actor;
  /** May do everything on this platform: its own user, or who has a token that this user made for itself. */
  readonly isAdmin: boolean;
  /** The id of the token or key; undefined on the platform's own socket. */
  readonly credential: string | undefined;
  /** Called when that is revoked; undefined where nothing can be. */
  readonly onRevoked: Set<() => void> | undefined;
}

/** A release's word for who came over SSH has the key's fingerprint behind this. */
export const VIA_SSH = "ssh ";
/** What git's hooks are told of who came over HTTP has the token's id behind this. */
export const VIA_HTTP = "http ";

export function tokenVisitor({ about, onRevoked }: TokenUse, via: "api" | "http" = "api"): Visitor {
  const { id, owner, isAdmin } = about;
  return { isAdmin, credential: id, onRevoked, actor: { by: owner, via } };
}

export function keyVisitor({ about, onRevoked }: KeyUse): Visitor {
  const { fingerprint, owner, isAdmin } = about;
  return { isAdmin, credential: fingerprint, onRevoked, actor: { by: owner, via: VIA_SSH + fingerprint } };
}

/** Called when this token or key is revoked; undefined when it lets nobody in any more. */
export function revocationOf({ tokens, keys }: Platform, credential: string): Set<() => void> | undefined {
  return (tokens.use(credential) ?? keys.use(credential))?.onRevoked;
}

export function keyRemoved(): AppError {
  return new AppError("unauthorized", "Your SSH key was removed from this platform.", {
    hint: "Ask whoever runs it to add one of yours: git heroku keys:add FILE --for EMAIL",
  });
}

export function tokenRevoked(): AppError {
  return new AppError("unauthorized", "Your token was revoked, or has expired.", {
    hint: "Log in with another one: git heroku login",
  });
}

/** The address by which apps know a visitor; undefined for one who may do everything. */
export function addressOf({ isAdmin, actor }: Visitor): string | undefined {
  return isAdmin ? undefined : actor.by.email;
}

/** Who was given a secret address, as it can be stored: it is good for as long as they may have what it leads to. */
export interface Bearer {
  /** Null on the platform's own socket, and where it may outlive the token. */
  credential: string | null;
  /** Null for one who may do everything. */
  address: string | null;
}

export function bearerOf(visitor: Visitor): Bearer {
  return { credential: visitor.credential ?? null, address: addressOf(visitor) ?? null };
}
