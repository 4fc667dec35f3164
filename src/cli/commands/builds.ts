/** `git heroku builds` */
import type { BuildItem } from "../../api/build-resources.ts";
import { formatAgo } from "../../core/duration.ts";
import { formatBuildTable } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { describeBuildState } from "../build-words.ts";
import { countOption } from "../parse-arguments.ts";

const BUILDS_USUAL = 15;
/** As many are kept. */
const BUILDS_MAX = 100;

export const builds: Command = {
  name: "builds",
  topic: "Releases",
  summary: "List the builds, newest first, failed ones too",
  details: "Each attempt is a build: of a push, and of a revert that changes code. The newest 100 are kept.",
  options: [
    ...APP_OPTIONS,
    { name: "num", short: "n", value: "COUNT", summary: `how many (usually ${String(BUILDS_USUAL)})` },
    JSON_OPTION,
  ],
  examples: [{ command: "git heroku builds -n 50", summary: "the last fifty" }],
  async run(context) {
    const { client, out, args, world } = context;
    const count = countOption(builds, args, { name: "num", usual: BUILDS_USUAL, max: BUILDS_MAX });
    const found = (await client.builds(context.app())).slice(0, count);
    if (args.has("json")) return out.json(found);
    const row = (build: BuildItem): Parameters<typeof formatBuildTable>[0][number] => ({
      id: build.id,
      state: describeBuildState(build),
      commit: build.commit ?? "",
      by: build.user.email,
      when: formatAgo(Date.parse(build.created_at), world.now()),
    });
    await out.write(formatBuildTable(found.map(row)));
    return undefined;
  },
};
