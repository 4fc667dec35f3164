/** Between the hooks' door and the platform: which app a push is for, and who pushes. */
import type { ReceivedPush, StoredPush } from "../hook/hook-server.ts";
import type { RefResult } from "../hook/proc-receive.ts";
import { AppError } from "../core/error.ts";
import { parsePerson } from "../core/person.ts";
import type { Actor } from "../platform/actor.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { announcePush } from "../platform/announce-push.ts";
import { receivePush } from "../platform/receive-push.ts";
import { localActor } from "../server/caller.ts";
import { keyOf, keyPusher } from "./ssh-visitor.ts";

export async function onReceive(platform: Platform, push: ReceivedPush): Promise<RefResult[]> {
  const app = appOf(platform, push.repo);
  const { commands, output, signal } = push;
  return receivePush(platform, app, { actor: pusherOf(platform, app, push), commands, output, signal });
}

export async function onPost(platform: Platform, push: StoredPush): Promise<void> {
  await announcePush(platform, appOf(platform, push.repo), push.updates, push.output);
}

/** On a local path the client is believed, as on the socket; the platform's own doors say whom they have let in. */
function pusherOf(platform: Platform, app: App, { user, via }: ReceivedPush): Actor {
  if (via === undefined) return localActor(user);
  const key = keyOf(platform, via);
  if (key !== undefined) return keyPusher(platform, key, app);
  const by = parsePerson(user);
  if (by === undefined) throw new AppError("unauthorized", "The platform does not know who is pushing.");
  return { by, via };
}

function appOf(platform: Platform, repo: string): App {
  return platform.app(repo.replace(/\.git$/, ""));
}
