/** Who has come in by one of the platform's doors, and how far they may go. A door makes one of what it has checked itself:
 *  the user of a socket, a token, a key; never of what its client says of itself. */
import type { Actor } from "./actor.ts";

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
