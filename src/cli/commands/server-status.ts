/** `git heroku server:status` */
import { findRouter } from "../../api/daemon.ts";
import type { PlatformInfo, RouterInfo } from "../../api/resources.ts";
import { formatDuration } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import { JSON_OPTION, type Command, type Context } from "../command.ts";
import { findPlatform } from "../platform-state.ts";

export const serverStatus: Command = {
  name: "server:status",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Tell whether the platform runs, since when and where",
  details:
    "Starts nothing. The exit status is 1 when it does not run; then the router may still serve the apps that run on.",
  options: [JSON_OPTION],
  examples: [{ command: "git heroku server:status", summary: "the platform of this home" }],
  async run(context) {
    const { out, args, world, home } = context;
    const running = await findPlatform(context);
    const router = running === undefined ? await findRouter(home) : undefined;
    if (args.has("json"))
      await out.json(running === undefined ? { running: false, router } : { running: true, ...running });
    else if (running === undefined) await tellRouter(context, router);
    else for (const [label, value] of describe(running, world.now())) await out.line(`${pad(`${label}:`, 8)} ${value}`);
    return running === undefined ? 1 : 0;
  },
};

/** Apps run on without the daemon, and the router serves them. */
async function tellRouter({ out, world }: Context, router: RouterInfo | undefined): Promise<void> {
  await out.line("The platform does not run");
  if (router !== undefined) await out.line(`Router:  serves on, ${describeRouter(router, world.now())}`);
}

function describeRouter({ pid, port, version, started_at: since }: RouterInfo, now: number): string {
  const age = formatDuration(now - Date.parse(since));
  return `port ${String(port)}, pid ${String(pid)}, version ${version}, up for ${age}`;
}

function describe(info: PlatformInfo, now: number): [label: string, value: string][] {
  return [
    ["State", `up for ${formatDuration(now - Date.parse(info.started_at))}`],
    ["Pid", String(info.pid)],
    ["Version", info.version],
    ["Home", info.home],
    ["Address", info.router_url],
    ["API", info.api_url],
    ["TLS", info.certificate],
    ["Router", describeRouter(info.router, now)],
    ["Apps", String(info.apps)],
    ["Memory", `${(info.rss_bytes / 1024 / 1024).toFixed(0)} MB`],
  ];
}
