/** Between the hooks' door and the platform: which app a push is for, and who pushes. */
import type { ReceivedPush, StoredPush } from "../hook/hook-server.ts";
import type { RefResult } from "../hook/proc-receive.ts";
import { AppError } from "../core/error.ts";
import type { Actor } from "../platform/actor.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { announcePush } from "../platform/announce-push.ts";
import { receivePush } from "../platform/receive-push.ts";
import { localActor } from "../server/caller.ts";

export async function onReceive(platform: Platform, push: ReceivedPush): Promise<RefResult[]> {
  const app = appOf(platform, push.repo);
  const { commands, output, signal } = push;
  return receivePush(platform, app, { actor: actorOf(platform, push.user), commands, output, signal });
}

export async function onPost(platform: Platform, push: StoredPush): Promise<void> {
  await announcePush(platform, appOf(platform, push.repo), push.updates, push.output);
}

/** Of a push whose git the daemon has started the daemon knows who it is for. Every other comes from the daemon's own user, on
 *  this machine, and is believed.
 *  @throws AppError unavailable for a push that began under another daemon */
function actorOf(platform: Platform, user: string): Actor {
  const [, session] = /^session ([0-9a-f]+)$/.exec(user) ?? [];
  if (session === undefined) return localActor(user);
  const actor = platform.pushSessions.find(session);
  if (actor !== undefined) return actor;
  throw new AppError("unavailable", "The platform was started anew during this push; nothing was released.", {
    hint: "Push again.",
  });
}

function appOf(platform: Platform, repo: string): App {
  return platform.app(repo.replace(/\.git$/, ""));
}
