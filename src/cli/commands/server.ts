/** `git heroku server` */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { daemonEnvironment } from "../../api/daemon.ts";
import { AppError } from "../../core/error.ts";
import type { Command, Context } from "../command.ts";
import { findPlatform } from "../platform-state.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export const server: Command = {
  name: "server",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Run the platform in the foreground",
  details:
    "Says what it does, as `git heroku server:logs` has it. Ends with Ctrl-C; the apps keep running. A service manager runs it in this way.",
  options: [],
  examples: [{ command: "GIT_HEROKU_ROUTER_PORT=8080 git heroku server", summary: "on another port" }],
  async run(context) {
    const running = await findPlatform(context);
    if (running !== undefined) {
      throw new AppError("conflict", `The platform already runs (pid ${String(running.pid)}).`, {
        hint: "Stop it with `git heroku server:stop`.",
      });
    }
    await mkdir(context.home, { recursive: true, mode: 0o700 });
    return runInForeground(context);
  },
};

function runInForeground({ world, home }: Context): Promise<number> {
  const child = spawn(process.execPath, [world.daemonScript, "--echo"], {
    cwd: home,
    env: daemonEnvironment(world.env, home),
    stdio: "inherit",
  });
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal sends Ctrl-C to both of us; twice would mean "hurry".
    if (signal !== "SIGINT" || world.stdin.isTTY !== true) child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status, signal) => {
      for (const name of FORWARDED) process.off(name, forward);
      resolve(status ?? (signal === null ? 1 : 0));
    });
  });
}
