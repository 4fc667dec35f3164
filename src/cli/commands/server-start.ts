/** `git heroku server:start` */
import type { Command } from "../command.ts";
import { findPlatform, startPlatform } from "../platform-state.ts";

export const serverStart: Command = {
  name: "server:start",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Start the platform in the background",
  details: "Seldom needed: every command and every push starts it when it does not run.",
  options: [],
  examples: [{ command: "git heroku server:start", summary: "for instance after a reboot" }],
  async run(context) {
    const running = await findPlatform(context);
    if (running === undefined) {
      await context.out.action("Starting the platform", () => startPlatform(context), {
        done: (info) => `done, ${info.router_url}`,
      });
    } else await context.out.line(`The platform already runs (pid ${String(running.pid)})`);
    return undefined;
  },
};
