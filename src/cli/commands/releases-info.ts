/** `git heroku releases:info` */
import type { NamedRelease, ReleaseDetails } from "../../api/resources.ts";
import { formatAgo } from "../../core/duration.ts";
import { cleanLine } from "../../core/release-commit.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { formatShellVars } from "../config-words.ts";

export const releasesInfo: Command = {
  name: "releases:info",
  topic: "Releases",
  summary: "Show one release and what it is made of",
  details: "Config vars by name only. --shell prints them alone, with the values that they had in that release.",
  parameters: "[version]",
  options: [...APP_OPTIONS, { name: "shell", short: "s", summary: "config vars as a shell reads them" }, JSON_OPTION],
  examples: [
    { command: "git heroku releases:info", summary: "the newest release" },
    { command: "git heroku releases:info v73", summary: "a certain one" },
  ],
  async run(context) {
    const { client, out, args, world } = context;
    const version = args.words[0] === undefined ? "newest" : parseVersion(args.words[0]);
    const app = context.app();
    if (args.has("shell")) return out.data(formatShellVars(await client.releaseConfig(app, version)));
    const release = await client.releaseDetails(app, version);
    if (args.has("json")) return out.json(release);
    await out.line(`=== Release ${formatVersion(release.version)}`);
    for (const [label, value] of describe(release, world.now())) await out.line(`${pad(`${label}:`, 14)} ${value}`);
    return undefined;
  },
};

function describe(release: ReleaseDetails, now: number): [label: string, value: string][] {
  const { commit, commit_subject: subject } = release;
  return [
    ["Change", release.description],
    ...other("Copy of", release.copy_of),
    ...other("Takes back", release.takes_back),
    ["By", release.user.email],
    ["When", formatAgo(Date.parse(release.created_at), now)],
    ["Via", release.via],
    ["Status", release.current ? `${release.status}, current` : release.status],
    ...(release.mark ? [["Mark", `bad: ${release.mark.reason} (${release.mark.by})`] as [string, string]] : []),
    ["Commit", commit === null ? "none" : `${commit} ${cleanLine(subject ?? "")}`.trimEnd()],
    ["Process types", Object.keys(release.process_types).join(", ") || "none"],
    ["Config vars", release.config_names.join(", ") || "none"],
    ["Add-ons", release.addon_plan_names.join(", ") || "none"],
    ["Rollback", release.eligible_for_rollback ? "possible" : "not possible"],
  ];
}

function other(label: string, named: NamedRelease | null): [label: string, value: string][] {
  return named === null ? [] : [[label, `${formatVersion(named.version)}, ${named.description}`]];
}
