/** serve-git: runs git for somebody who has come in by a door of the platform, on their connection itself. git's hooks are
 *  told who that is; neither the client's environment nor anybody's configuration counts. */
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { formatPerson } from "../core/person.ts";
import type { Need } from "../core/access.ts";
import type { Settings } from "../core/settings.ts";
import { watchStay } from "./access.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";
import type { Visitor } from "./visitor.ts";

export interface GitService {
  app: App;
  visitor: Visitor;
  name: "git-receive-pack" | "git-upload-pack";
  /** What GIT_PROTOCOL is to be, such as `version=2`. */
  protocol: string;
  /** Of the app: how large a push may be, and how long it may take to arrive. */
  limits: Pick<Settings, "pushBytesMax" | "pushTimeoutMs">;
}

export const FETCH: Need = ["view"];
export const PUSH: Need = ["deploy"];
/** Seconds in which a client that fetches must say something. */
const PATIENCE_S = 600;

/** It ends when its visitor may no longer. A push that has arrived as a whole has its answer first, which says so.
 *  @param socket of which nothing was read */
export function serveGit(platform: Platform, service: GitService, socket: Socket): void {
  const { app, visitor, name, protocol, limits } = service;
  const isPush = name === "git-receive-pack";
  const args = isPush
    ? ["-c", `receive.maxInputSize=${String(limits.pushBytesMax)}`, "receive-pack"]
    : ["upload-pack", "--strict", `--timeout=${String(PATIENCE_S)}`];
  const git = spawn("git", [...args, platform.home.repo(app.name)], {
    stdio: [socket, socket, "ignore"],
    // A group of its own, so that nothing of it is left when it is ended.
    detached: true,
    env: {
      PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
      HOME: process.env["HOME"] ?? "/nonexistent",
      LC_ALL: "C",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      ...(protocol !== "" && { GIT_PROTOCOL: protocol }),
      GIT_HEROKU_USER: formatPerson(visitor.actor.by),
      GIT_HEROKU_VIA: visitor.actor.via,
    },
  });
  // git has it now; the client's end closes when git's does.
  socket.destroy();
  const cut = (): void => {
    if (git.pid === undefined || app.answering.has(git.pid)) return;
    try {
      process.kill(-git.pid, "SIGTERM");
    } catch {
      // It has gone by itself.
    }
  };
  const over = new AbortController();
  const ends = [watchStay({ visitor, app, need: isPush ? PUSH : FETCH, cut }), platform.gitVisits.begin(visitor)];
  over.signal.addEventListener("abort", () => {
    for (const end of ends) end();
  });
  if (isPush) void platform.clock.sleep(limits.pushTimeoutMs, over.signal).then(() => over.signal.aborted || cut());
  git.on("error", (error) => {
    platform.journal.fault(name, error);
    over.abort();
  });
  git.on("exit", () => over.abort());
}
