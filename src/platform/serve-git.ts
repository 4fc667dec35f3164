/** serve-git: runs git for somebody who has come in by a door of the platform, on their connection itself. What git's hooks
 *  then say of who pushes is the session's, not the client's. Neither the client's environment nor anybody's
 *  configuration counts. */
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Need } from "../core/access.ts";
import { watchStay } from "./access.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";
import type { Visitor } from "./visitor.ts";

export interface GitService {
  app: App;
  visitor: Visitor;
  name: "git-receive-pack" | "git-upload-pack";
  /** What GIT_PROTOCOL is to be, such as `version=2`. */
  protocol: string;
}

export const FETCH: Need = ["view"];
export const PUSH: Need = ["deploy"];
/** Seconds in which a client that fetches must say something. */
const PATIENCE_S = 600;

/** A fetch ends when its visitor may no longer. A push goes on to its answer, which says so.
 *  @param actor for whom a push makes a release
 *  @param socket of which nothing was read */
export function serveGit(platform: Platform, service: GitService, actor: Actor, socket: Socket): void {
  const { app, visitor, name, protocol } = service;
  const isPush = name === "git-receive-pack";
  const session = isPush ? platform.pushSessions.open(actor) : undefined;
  const args = isPush ? ["receive-pack"] : ["upload-pack", "--strict", `--timeout=${String(PATIENCE_S)}`];
  const git = spawn("git", [...args, platform.home.repo(app.name)], {
    stdio: [socket, socket, "ignore"],
    env: {
      PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
      HOME: process.env["HOME"] ?? "/nonexistent",
      LC_ALL: "C",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      ...(protocol !== "" && { GIT_PROTOCOL: protocol }),
      ...(session !== undefined && { GIT_HEROKU_SESSION: session }),
    },
  });
  // git has it now; the client's end closes when git's does.
  socket.destroy();
  const stop = isPush ? undefined : watchStay({ visitor, app, need: FETCH, cut: () => git.kill() });
  const end = (): void => {
    stop?.();
    if (session !== undefined) platform.pushSessions.close(session);
  };
  git.on("error", (error) => {
    platform.journal.fault(name, error);
    end();
  });
  git.on("exit", end);
}
