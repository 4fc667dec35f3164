/** `git heroku info` */
import type { DiskItem } from "../../api/slug-resources.ts";
import { formatBytes } from "../../core/byte-size.ts";
import { formatDate } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import type { App } from "../../api/resources.ts";
import { APP_OPTIONS, APP_PARAMETER, JSON_OPTION, type Command, type Context } from "../command.ts";

export const info: Command = {
  name: "info",
  topic: "Apps",
  summary: "Show an app: its address, its remote, its owner",
  parameters: APP_PARAMETER,
  completes: "apps",
  options: [
    ...APP_OPTIONS,
    { name: "shell", short: "s", summary: "as name=value, for scripts, as Heroku has it" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku info -s | grep web_url=", summary: "for a script" },
    { command: "git heroku info --json", summary: "the same for programs" },
  ],
  async run(context) {
    const { client, out, args } = context;
    if (args.has("shell")) return out.write(await shellText(context));
    const [app, disk] = await Promise.all([client.app(context.app()), client.diskUse(context.app())]);
    if (args.has("json")) return out.json({ ...app, disk });
    await out.line(`=== ${app.name}`);
    for (const [label, value] of describe(app, disk)) await out.line(`${pad(`${label}:`, 14)} ${value}`);
    return undefined;
  },
};

/** In the words of Heroku's client; sizes are in bytes. */
async function shellText(context: Context): Promise<string> {
  const { client } = context;
  const name = context.app();
  const [app, formation, people] = await Promise.all([
    client.app(name),
    client.formation(name),
    client.access.list(name),
  ]);
  const emails = people.map(({ user }) => user.email).filter((email) => email !== app.owner.email);
  const counts = formation
    .filter(({ quantity }) => quantity > 0)
    .map(({ type, quantity }) => `${type}: ${String(quantity)}`);
  const values = {
    collaborators: emails.sort().join(","),
    git_url: app.git_url,
    web_url: app.web_url,
    slug_size: String(app.slug_size ?? 0),
    owner: app.owner.email,
    region: app.region?.name ?? "",
    dynos: counts.length === 0 ? "{}" : `{ ${counts.join(", ")} }`,
    stack: app.stack?.name ?? "",
  };
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

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
