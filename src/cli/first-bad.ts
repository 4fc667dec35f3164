/** What a bisection has found: the release, and what it changed. */
import type { ReleaseItem } from "../api/resources.ts";
import { formatAgo } from "../core/duration.ts";
import { formatVersion } from "../core/release.ts";
import { pad } from "../core/text-table.ts";
import type { Context } from "./command.ts";

/** @param before the last release before it that could run: what it is compared with. */
export async function showFirstBad({ out, world }: Context, release: ReleaseItem, before: number): Promise<void> {
  await out.line(`${formatVersion(release.version)} is the first bad release`);
  await out.line(`\n=== Release ${formatVersion(release.version)}`);
  const rows = [
    ["Change", release.description],
    ["By", release.user.email],
    ["When", formatAgo(Date.parse(release.created_at), world.now())],
    ["Commit", release.commit ?? "none"],
    ["After", formatVersion(before)],
  ] as const;
  for (const [label, value] of rows) await out.line(`${pad(`${label}:`, 8)} ${value}`);
}
