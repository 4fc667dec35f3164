/** `git heroku server:stop` */
import type { Command } from "../command.ts";
import { findPlatform, stopPlatform } from "../platform-state.ts";

export const serverStop: Command = {
  name: "server:stop",
  topic: "Platform",
  summary: "Stop the platform; the apps keep running",
  options: [{ name: "apps", summary: "stop the apps too" }],
  examples: [{ command: "git heroku server:stop --apps", summary: "stop everything" }],
  async run(context) {
    const running = await findPlatform(context);
    if (running === undefined) return context.out.line("The platform does not run");
    const apps = context.args.has("apps");
    const what = apps ? "Stopping the platform and its apps" : "Stopping the platform";
    await context.out.action(what, () => stopPlatform(context, running, apps));
    return undefined;
  },
};
