/** `git heroku info` */
import type { DiskItem } from "../../api/slug-resources.ts";
import { formatBytes } from "../../core/byte-size.ts";
import { formatDate } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import type { App } from "../../api/resources.ts";
import { APP_OPTIONS, APP_PARAMETER, JSON_OPTION, type Command } from "../command.ts";

export const info: Command = {
  name: "info",
  topic: "Apps",
  summary: "Show an app: its address, its remote, its owner",
  parameters: APP_PARAMETER,
  completes: "apps",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku info --json", summary: "the same for programs" }],
  async run(context) {
    const { client, out, args } = context;
    const [app, disk] = await Promise.all([client.app(context.app()), client.diskUse(context.app())]);
    if (args.has("json")) return out.json({ ...app, disk });
    await out.line(`=== ${app.name}`);
    for (const [label, value] of describe(app, disk)) await out.line(`${pad(`${label}:`, 14)} ${value}`);
    return undefined;
  },
};

function describe(app: App, disk: DiskItem): [label: string, value: string][] {
  const size = app.slug_size;
  const released = app.released_at;
  return [
    ["Web URL", app.web_url],
    ["Git URL", app.git_url],
    ["Owner", app.owner.email],
    ["Created", formatDate(Date.parse(app.created_at))],
    ["Released", released === null ? "never" : formatDate(Date.parse(released))],
    ["Slug size", size === null ? "none" : `${(size / 1024 / 1024).toFixed(1)} MB`],
    ["Disk use", describeDisk(disk)],
    ["Maintenance", app.maintenance ? "on" : "off"],
  ];
}

/** The whole, and what it is made of, largest first. */
function describeDisk(disk: DiskItem): string {
  const parts = Object.entries(disk).sort(([, a], [, b]) => b - a);
  const whole = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  const words = parts.filter(([, bytes]) => bytes > 0).map(([name, bytes]) => `${name} ${formatBytes(bytes)}`);
  return words.length === 0 ? "none" : `${formatBytes(whole)}: ${words.join(", ")}`;
}
