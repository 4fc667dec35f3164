/** Between the hooks' door and the platform: which app a push is for, and who pushes. */
import type { ReceivedPush, StoredPush } from "../hook/hook-server.ts";
import type { RefResult } from "../hook/proc-receive.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { announcePush } from "../platform/announce-push.ts";
import { receivePush } from "../platform/receive-push.ts";
import { localActor } from "../server/caller.ts";

export async function onReceive(platform: Platform, push: ReceivedPush): Promise<RefResult[]> {
  const app = appOf(platform, push.repo);
  const { commands, output, signal } = push;
  return receivePush(platform, app, { actor: localActor(push.user), commands, output, signal });
}

export async function onPost(platform: Platform, push: StoredPush): Promise<void> {
  await announcePush(platform, appOf(platform, push.repo), push.updates, push.output);
}

function appOf(platform: Platform, repo: string): App {
  return platform.app(repo.replace(/\.git$/, ""));
}
