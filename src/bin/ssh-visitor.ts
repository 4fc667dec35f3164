/** Whose an SSH key is, and what they may still do when a push that they began comes to its end. */
import type { Actor } from "../platform/actor.ts";
import { enterApp } from "../platform/access.ts";
import type { App } from "../platform/app.ts";
import type { KeyUse } from "../platform/keys.ts";
import type { Platform } from "../platform/platform.ts";
import { PUSH } from "../platform/serve-git.ts";
import type { Visitor } from "../platform/visitor.ts";
import { keyRemoved } from "../server/ssh-door.ts";

const VIA = "ssh ";

export function keyVisitor({ about, onRevoked }: KeyUse): Visitor {
  const { fingerprint, owner, isAdmin } = about;
  return { isAdmin, credential: fingerprint, onRevoked, actor: { by: owner, via: VIA + fingerprint } };
}

/** The key by which a push has come, as its door told git's hooks; undefined for another door.
 *  @throws AppError unauthorized when it was removed meanwhile */
export function keyOf({ keys }: Platform, via: string): KeyUse | undefined {
  if (!via.startsWith(VIA)) return undefined;
  const use = keys.use(via.slice(VIA.length));
  if (use === undefined) throw keyRemoved();
  return use;
}

/** Asked again before the release is made. */
export function keyPusher(platform: Platform, use: KeyUse, app: App): Actor {
  const visitor = keyVisitor(use);
  const recheck = async (): Promise<void> => {
    if (!platform.keys.holds(use)) throw keyRemoved();
    await enterApp(platform, visitor, app.name, PUSH);
  };
  return { ...visitor.actor, recheck };
}
