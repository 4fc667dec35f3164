/** pass: what lets somebody go on with what takes long. A token, a key or the access to an app may be taken from them while a
 *  push of theirs is built: it is ended then, by whichever door it came, and no release comes of it. */
import type { Need } from "../core/access.ts";
import { AppError } from "../core/error.ts";
import { enterApp, watchStay } from "./access.ts";
import type { Actor, Pass } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";
import { keyRemoved, revocationOf, tokenRevoked, VIA_SSH, type Visitor } from "./visitor.ts";

/** They might when it began. */
export class NoLongerAllowed extends AppError {
  constructor(cause: AppError) {
    super(cause.id, cause.message, { hint: cause.hint, cause });
  }
}

/** Undefined where nobody can take it from them.
 *  @param place what they do it with, and what that takes; left out for what is about no app */
export function passOf(platform: Platform, visitor: Visitor, place?: { app: App; need: Need }): Pass | undefined {
  const { credential, onRevoked } = visitor;
  if (credential === undefined || onRevoked === undefined) return undefined;
  return {
    async check() {
      try {
        if (revocationOf(platform, credential) !== onRevoked) throw revoked(visitor);
        if (place !== undefined) await enterApp(platform, visitor, place.app.name, place.need);
      } catch (error) {
        throw error instanceof AppError ? new NoLongerAllowed(error) : error;
      }
    },
    watch(cut) {
      if (place !== undefined) return watchStay({ visitor, ...place, cut });
      onRevoked.add(cut);
      return () => void onRevoked.delete(cut);
    },
  };
}

/** @throws NoLongerAllowed */
export async function checkPass({ pass }: Actor): Promise<void> {
  await pass?.check();
}

/** @returns to be called when it is over */
export function watchPass({ pass }: Actor, cut: () => void): () => void {
  return pass?.watch(cut) ?? (() => undefined);
}

function revoked({ actor: { via } }: Visitor): AppError {
  return via.startsWith(VIA_SSH) ? keyRemoved() : tokenRevoked();
}
