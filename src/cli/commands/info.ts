/** `git heroku info` */
import { formatDate } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import type { App } from "../../api/resources.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const info: Command = {
  name: "info",
  topic: "Apps",
  summary: "Show an app: its address, its remote, its owner",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku info --json", summary: "the same for programs" }],
  async run(context) {
    const { client, out, args } = context;
    const app = await client.app(context.app());
    if (args.has("json")) return out.json(app);
    await out.line(`=== ${app.name}`);
    for (const [label, value] of describe(app)) await out.line(`${pad(`${label}:`, 14)} ${value}`);
    return undefined;
  },
};

function describe(app: App): [label: string, value: string][] {
  const size = app.slug_size;
  const released = app.released_at;
  return [
    ["Web URL", app.web_url],
    ["Git URL", app.git_url],
    ["Owner", app.owner.email],
    ["Created", formatDate(Date.parse(app.created_at))],
    ["Released", released === null ? "never" : formatDate(Date.parse(released))],
    ["Slug size", size === null ? "none" : `${(size / 1024 / 1024).toFixed(1)} MB`],
    ["Maintenance", app.maintenance ? "on" : "off"],
  ];
}
