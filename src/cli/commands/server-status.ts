/** `git heroku server:status` */
import type { PlatformInfo } from "../../api/resources.ts";
import { formatDuration } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import { JSON_OPTION, type Command } from "../command.ts";
import { findPlatform } from "../platform-state.ts";

export const serverStatus: Command = {
  name: "server:status",
  topic: "Platform",
  summary: "Tell whether the platform runs, since when and where",
  details: "Starts nothing. The exit status is 1 when it does not run.",
  options: [JSON_OPTION],
  examples: [{ command: "git heroku server:status", summary: "the platform of this home" }],
  async run(context) {
    const { out, args, world } = context;
    const running = await findPlatform(context);
    if (args.has("json")) await out.json(running === undefined ? { running: false } : { running: true, ...running });
    else if (running === undefined) await out.line("The platform does not run");
    else for (const [label, value] of describe(running, world.now())) await out.line(`${pad(`${label}:`, 8)} ${value}`);
    return running === undefined ? 1 : 0;
  },
};

function describe(info: PlatformInfo, now: number): [label: string, value: string][] {
  return [
    ["State", `up for ${formatDuration(now - Date.parse(info.started_at))}`],
    ["Pid", String(info.pid)],
    ["Version", info.version],
    ["Home", info.home],
    ["Router", info.router_url],
    ["Apps", String(info.apps)],
    ["Memory", `${(info.rss_bytes / 1024 / 1024).toFixed(0)} MB`],
  ];
}
