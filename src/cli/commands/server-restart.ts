/** `git heroku server:restart` */
import type { Command } from "../command.ts";
import { findPlatform, startPlatform, stopPlatform } from "../platform-state.ts";

export const serverRestart: Command = {
  name: "server:restart",
  topic: "Platform",
  summary: "Restart the platform; the apps keep running",
  options: [{ name: "apps", summary: "restart the apps too" }],
  examples: [{ command: "git heroku server:restart", summary: "for instance after an upgrade" }],
  async run(context) {
    const running = await findPlatform(context);
    const restart = async (): Promise<{ router_url: string }> => {
      if (running !== undefined) await stopPlatform(context, running, context.args.has("apps"));
      return startPlatform(context);
    };
    await context.out.action("Restarting the platform", restart, { done: (info) => `done, ${info.router_url}` });
    return undefined;
  },
};
