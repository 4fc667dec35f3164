/** `git heroku server:restart` */
import { findRouter, refuseManaged } from "../../api/daemon.ts";
import type { Command } from "../command.ts";
import { findPlatform, startPlatform, stopPlatform } from "../platform-state.ts";

export const serverRestart: Command = {
  name: "server:restart",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Restart the platform and its router; the apps keep running",
  details: "Without --apps no request fails: the router goes on meanwhile, then a new one takes its place.",
  options: [{ name: "apps", summary: "restart the apps too" }],
  examples: [{ command: "git heroku server:restart", summary: "for instance after an upgrade" }],
  async run(context) {
    await refuseManaged(context.home);
    const running = await findPlatform(context);
    const router = await findRouter(context.home);
    const restart = async (): Promise<{ router_url: string }> => {
      if (running !== undefined) await stopPlatform(context, running, context.args.has("apps"));
      const info = await startPlatform(context);
      if (info.router.pid === router?.pid) await context.quietClient.replaceRouter();
      return info;
    };
    await context.out.action("Restarting the platform", restart, { done: (info) => `done, ${info.router_url}` });
    return undefined;
  },
};
