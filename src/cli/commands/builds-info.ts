/** `git heroku builds:info` */
import type { BuildItem } from "../../api/build-resources.ts";
import { formatAgo, formatDuration } from "../../core/duration.ts";
import { pad } from "../../core/text-table.ts";
import { describeBuildState } from "../build-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const buildsInfo: Command = {
  name: "builds:info",
  topic: "Releases",
  summary: "Show one build",
  details: "A build is named by the beginning of its id.",
  parameters: "[id]",
  completes: "builds",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku builds:info", summary: "the newest build" },
    { command: "git heroku builds:info 7ffc8cfe", summary: "a certain one" },
  ],
  async run(context) {
    const { client, out, args, world } = context;
    const build = await client.build(context.app(), args.words[0] ?? "newest");
    if (args.has("json")) return out.json(build);
    await out.line(`=== Build ${build.id}`);
    for (const [label, value] of describe(build, world.now())) await out.line(`${pad(`${label}:`, 8)} ${value}`);
    return undefined;
  },
};

function describe(build: BuildItem, now: number): [label: string, value: string][] {
  const began = Date.parse(build.created_at);
  return [
    ["Commit", build.commit ?? "an upload"],
    ["By", build.user.email],
    ["When", formatAgo(began, now)],
    ["Status", describeBuildState(build)],
    ...(build.reason === null ? [] : [["Reason", build.reason] as [string, string]]),
    ...(build.ended_at === null
      ? []
      : [["Took", formatDuration(Date.parse(build.ended_at) - began)] as [string, string]]),
    ...(build.detected === null ? [] : [["Kind", build.detected] as [string, string]]),
  ];
}
