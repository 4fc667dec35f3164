/** A home with bare repositories that use the real hooks, clones of them, and pushes by the machine's git. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../src/core/clock.ts";
import { formatHookEnv, type HookClient } from "../../src/hook/hook-client.ts";
import { HookServer, type HookServerOptions } from "../../src/hook/hook-server.ts";
import type { RefResult, RefUpdate } from "../../src/hook/proc-receive.ts";
import type { TestContext } from "../support/suite.ts";

export const HOOKS = fileURLToPath(new URL("../../../hooks", import.meta.url));
export const NODE_CLIENT = fileURLToPath(new URL("../../bin/hook-client.js", import.meta.url));
export const DAEMON = fileURLToPath(new URL("hook-daemon.js", import.meta.url));
/** No test starts a process by mistake. */
const NO_DAEMON = "/nowhere/daemon.js";

export const CLOCK: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};

export interface Push {
  child: ChildProcess;
  /** What git has printed so far. */
  text(): string;
  /** Resolves when the text contains the words, while the push goes on or after it. */
  shows(words: string): Promise<void>;
  ended: Promise<{ code: number | null; text: string }>;
}

export function accept(commands: readonly RefUpdate[]): RefResult[] {
  return commands.map(({ ref }) => ({ ref, ok: true }));
}

export class PushLab {
  readonly home: string;
  readonly #t: TestContext;
  readonly bugs: unknown[] = [];

  private constructor(t: TestContext, home: string) {
    this.#t = t;
    this.home = home;
  }

  static async make(t: TestContext, { under = "" } = {}): Promise<PushLab> {
    const home = join(await t.tempDir(), under, "home");
    await mkdir(join(home, "repos"), { recursive: true });
    return new PushLab(t, home);
  }

  get sockets(): string {
    return join(this.home, "git");
  }

  async listen(options: Partial<HookServerOptions>): Promise<HookServer> {
    const server = await HookServer.listen({
      dir: this.sockets,
      clock: CLOCK,
      onReceive: async ({ commands }) => accept(commands),
      onPost: async () => undefined,
      onBug: (error) => this.bugs.push(error),
      ...options,
    });
    this.#t.after(() => server.close());
    return server;
  }

  /** A bare repository and a clone of it with one commit on main. */
  async app(name: string, client: HookClient, { daemon = NO_DAEMON } = {}): Promise<string> {
    const repo = join(this.home, "repos", `${name}.git`);
    const clone = join(this.home, "..", name);
    await this.git(this.home, "init", "--quiet", "--bare", "-b", "main", repo);
    await this.git(repo, "config", "core.hooksPath", HOOKS);
    await this.git(repo, "config", "receive.procReceiveRefs", "refs/heads/main");
    await this.git(repo, "config", "receive.advertisePushOptions", "true");
    await writeFile(join(repo, "hook-env"), this.#hookEnv(client, daemon));
    await this.git(this.home, "init", "--quiet", "-b", "main", clone);
    await this.git(clone, "remote", "add", "production", repo);
    await this.commit(clone, "first");
    return clone;
  }

  #hookEnv(client: HookClient, daemon: string): string {
    return formatHookEnv({
      client,
      node: process.execPath,
      nodeClient: NODE_CLIENT,
      daemon,
      home: this.home,
      log: join(this.home, "daemon.log"),
      startSeconds: daemon === NO_DAEMON ? 1 : 10,
    });
  }

  async commit(clone: string, message: string): Promise<string> {
    await this.git(clone, "commit", "--quiet", "--allow-empty", "-m", message);
    return (await this.git(clone, "rev-parse", "HEAD")).trim();
  }

  async git(cwd: string, ...args: string[]): Promise<string> {
    const { code, text } = await this.#run(cwd, args).ended;
    if (code !== 0) throw new Error(`git ${args.join(" ")} failed: ${text}`);
    return text;
  }

  /** `git push production …`, in a process group of its own as a terminal would have it. */
  push(clone: string, ...args: string[]): Push {
    return this.#run(clone, ["push", "production", ...args]);
  }

  #run(cwd: string, args: string[]): Push {
    const child = spawn("git", args, {
      cwd,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: this.home,
        LC_ALL: "C",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "Ned",
        GIT_AUTHOR_EMAIL: "ned@foobazco.com",
        GIT_COMMITTER_NAME: "Ned",
        GIT_COMMITTER_EMAIL: "ned@foobazco.com",
        GIT_HEROKU_USER: "Ned <ned@foobazco.com>",
        SECRET_OF_THE_SHELL: "never seen by the daemon",
      },
    });
    let text = "";
    const listeners = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        for (const listener of listeners) listener();
      });
    }
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, text }));
    this.#t.after(async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), "SIGKILL");
      await ended;
    });
    const shows = (words: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => void (text.includes(words) && resolve());
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`git ended without showing "${words}": ${text}`)));
      });
    return { child, text: () => text, shows, ended };
  }
}

/** Resolves when whoever listens at the socket (a path short enough) has gone. */
export async function gone(socketPath: string): Promise<void> {
  const socket = connect(socketPath);
  socket.on("error", () => undefined).resume();
  // `once` of node:events would take the reset by a dying listener for a failure.
  await new Promise((resolve) => socket.on("close", resolve));
}

export const CLIENTS: readonly HookClient[] = ["nc", "perl", "bash", "node"];
