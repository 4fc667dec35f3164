/** `git heroku slugs` */
import type { SlugItem } from "../../api/slug-resources.ts";
import { formatBytes } from "../../core/byte-size.ts";
import { formatAgo } from "../../core/duration.ts";
import { formatVersion } from "../../core/release.ts";
import { formatSlugTable } from "../../core/slug-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const slugs: Command = {
  name: "slugs",
  topic: "Releases",
  summary: "List the built code that is kept, and the releases of it",
  details:
    "Own is what a slug takes of the disk beside what older ones have in common with it. A slug is let go when no release of the last 20, or of the last 30 days, runs on it (the settings slug-releases and slug-days), and is built again when a rollback needs it; one whose dependencies are not locked stays for as long as there is a release of it. With --verify every file is read and compared with what was built; the exit status is 1 when one differs.",
  options: [
    ...APP_OPTIONS,
    { name: "verify", summary: "read every file, and tell what is not as it was built" },
    JSON_OPTION,
  ],
  examples: [{ command: "git heroku slugs --verify", summary: "is everything still as it was built?" }],
  async run(context) {
    const { client, out, args, world } = context;
    const found = await client.slugs(context.app(), { verify: args.has("verify") });
    const status = found.some(({ intact }) => intact === false) ? 1 : undefined;
    if (args.has("json")) await out.json(found);
    else await out.write(formatSlugTable(found.map((slug) => rowOf(slug, world.now()))));
    return status;
  },
};

function rowOf(slug: SlugItem, now: number): Parameters<typeof formatSlugTable>[0][number] {
  return {
    id: slug.id,
    kind: slug.buildpack_provided_description,
    size: formatBytes(slug.size),
    own: formatBytes(slug.own_size),
    built: formatAgo(Date.parse(slug.created_at), now),
    releases: slug.releases.map(formatVersion),
    marks: [
      ...(slug.running ? ["running"] : []),
      ...(slug.locked ? [] : ["not locked"]),
      ...(slug.intact === false ? ["DAMAGED"] : []),
    ],
  };
}
