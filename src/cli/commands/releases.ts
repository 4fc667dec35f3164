/** `git heroku releases` */
import type { ReleaseItem } from "../../api/resources.ts";
import { formatAgo } from "../../core/duration.ts";
import { CHANGE_WIDTH, cut, formatReleaseTable, type ReleaseRow } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { countOption } from "../parse-arguments.ts";

const RELEASES_USUAL = 15;
const RELEASES_MAX = 100_000;

export const releases: Command = {
  name: "releases",
  topic: "Releases",
  summary: "List the releases, newest first",
  details:
    "A release is the code, the config and the add-ons of a moment. One whose release command runs is pending, not a release yet; one that failed its release phase says so and never ran; one that is marked bad says that.",
  options: [
    ...APP_OPTIONS,
    { name: "num", short: "n", value: "COUNT", summary: `how many (usually ${String(RELEASES_USUAL)})` },
    JSON_OPTION,
  ],
  examples: [{ command: "git heroku releases -n 50", summary: "the last fifty" }],
  async run(context) {
    const { client, out, args, world } = context;
    const count = countOption(releases, args, { name: "num", usual: RELEASES_USUAL, max: RELEASES_MAX });
    const found = await client.releases(context.app(), count);
    if (args.has("json")) return out.json(found);
    await out.write(formatReleaseTable(found.map((release) => row(release, world.now()))));
    return undefined;
  },
};

/** What a release must not be taken for: behind its change, which is cut for it. */
function caveat({ status, mark }: ReleaseItem): string {
  const words = [status === "succeeded" ? "" : status, mark ? "bad" : ""].filter((word) => word !== "");
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function row(release: ReleaseItem, now: number): ReleaseRow {
  return {
    version: `v${String(release.version)}`,
    change: cut(release.description, CHANGE_WIDTH - caveat(release).length) + caveat(release),
    by: release.user.email,
    when: release.status === "pending" ? "release command executing" : formatAgo(Date.parse(release.created_at), now),
  };
}
