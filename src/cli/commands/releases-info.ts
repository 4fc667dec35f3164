/** `git heroku releases:info` */
import type { PlatformClient } from "../../api/platform-client.ts";
import type { ReleaseItem } from "../../api/resources.ts";
import { formatAgo } from "../../core/duration.ts";
import { AppError } from "../../core/error.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { formatShellVars, formatVars } from "../config-words.ts";

export const releasesInfo: Command = {
  name: "releases:info",
  topic: "Releases",
  summary: "Show one release and its config vars",
  parameters: "[version]",
  options: [...APP_OPTIONS, { name: "shell", short: "s", summary: "config vars as a shell reads them" }, JSON_OPTION],
  examples: [
    { command: "git heroku releases:info", summary: "the newest release" },
    { command: "git heroku releases:info v73", summary: "a certain one" },
  ],
  async run(context) {
    const { client, out, args, world } = context;
    const version = args.words[0] === undefined ? undefined : parseVersion(args.words[0]);
    const app = context.app();
    const release = version === undefined ? await newest(client, app) : await client.release(app, version);
    const config = await client.releaseConfig(app, release.version);
    if (args.has("json")) return out.json({ ...release, config_vars: config });
    const name = formatVersion(release.version);
    await out.line(`=== Release ${name}`);
    for (const [label, value] of describe(release, world.now())) await out.line(`${pad(`${label}:`, 13)} ${value}`);
    await out.line(`\n=== ${name} Config vars`);
    await out.write(args.has("shell") ? formatShellVars(config) : formatVars(config));
    return undefined;
  },
};

async function newest(client: PlatformClient, app: string): Promise<ReleaseItem> {
  const [release] = await client.releases(app, 1);
  if (release === undefined) throw new AppError("not_found", `${app} has no releases.`);
  return release;
}

function describe(release: ReleaseItem, now: number): [label: string, value: string][] {
  return [
    ["Change", release.description],
    ["By", release.user.email],
    ["When", formatAgo(Date.parse(release.created_at), now)],
    ["Status", release.current ? `${release.status}, current` : release.status],
    ...(release.mark ? [["Mark", `bad: ${release.mark.reason} (${release.mark.by})`] as [string, string]] : []),
    ["Commit", release.commit ?? "none"],
    ["Add-ons", release.addon_plan_names.join(", ") || "none"],
    ["Rollback", release.eligible_for_rollback ? "possible" : "not possible"],
  ];
}
