/** Between the hooks' door and the platform: which app a push is for, and who pushes. */
import type { ReceivedPush, StoredPush } from "../hook/hook-server.ts";
import type { RefResult } from "../hook/proc-receive.ts";
import { AppError } from "../core/error.ts";
import type { Actor } from "../platform/actor.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { announcePush } from "../platform/announce-push.ts";
import { passOf } from "../platform/pass.ts";
import { receivePush } from "../platform/receive-push.ts";
import { PUSH } from "../platform/serve-git.ts";
import {
  keyRemoved,
  keyVisitor,
  tokenRevoked,
  tokenVisitor,
  VIA_HTTP,
  VIA_SSH,
  type Visitor,
} from "../platform/visitor.ts";
import { localActor } from "../server/caller.ts";

export async function onReceive(platform: Platform, push: ReceivedPush): Promise<RefResult[]> {
  const app = appOf(platform, push.repo);
  const { commands, output, signal, pid } = push;
  app.answering.add(pid);
  try {
    return await receivePush(platform, app, { actor: pusherOf(platform, app, push), commands, output, signal });
  } finally {
    app.answering.delete(pid);
  }
}

export async function onPost(platform: Platform, push: StoredPush): Promise<void> {
  await announcePush(platform, appOf(platform, push.repo), push.updates, push.output);
}

/** On a local path the client is believed, as on the socket; the platform's own doors say whom they have let in. */
function pusherOf(platform: Platform, app: App, { user, via = "local" }: ReceivedPush): Actor {
  if (via === "local") return localActor(user);
  const visitor = visitorBy(platform, via);
  const pass = passOf(platform, visitor, { app, need: PUSH });
  return { ...visitor.actor, ...(pass && { pass }) };
}

/** @throws AppError unauthorized when their token or key was revoked meanwhile */
function visitorBy({ keys, tokens }: Platform, via: string): Visitor {
  if (via.startsWith(VIA_SSH)) {
    const key = keys.use(via.slice(VIA_SSH.length));
    if (key === undefined) throw keyRemoved();
    return keyVisitor(key);
  }
  if (!via.startsWith(VIA_HTTP)) throw new AppError("unauthorized", "The platform does not know who is pushing.");
  const token = tokens.use(via.slice(VIA_HTTP.length));
  if (token === undefined) throw tokenRevoked();
  return tokenVisitor(token, "http");
}

function appOf(platform: Platform, repo: string): App {
  return platform.app(repo.replace(/\.git$/, ""));
}
