/** `git heroku server:stop` */
import { findRouter } from "../../api/daemon.ts";
import type { PlatformInfo } from "../../api/resources.ts";
import type { Command, Context } from "../command.ts";
import { findPlatform, startPlatform, stopPlatform } from "../platform-state.ts";

export const serverStop: Command = {
  name: "server:stop",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Stop the platform; the apps keep running",
  details: "The router serves on too, so they stay reachable, until the platform is stopped with --apps.",
  options: [{ name: "apps", summary: "stop the apps too" }],
  examples: [{ command: "git heroku server:stop --apps", summary: "stop everything" }],
  async run(context) {
    const apps = context.args.has("apps");
    const running = (await findPlatform(context)) ?? (apps ? await startForApps(context) : undefined);
    if (running === undefined) return context.out.line("The platform does not run");
    const what = apps ? "Stopping the platform and its apps" : "Stopping the platform";
    await context.out.action(what, () => stopPlatform(context, running, apps));
    return undefined;
  },
};

/** Only the platform can end what runs on without it. */
async function startForApps(context: Context): Promise<PlatformInfo | undefined> {
  return (await findRouter(context.home)) === undefined ? undefined : startPlatform(context);
}
