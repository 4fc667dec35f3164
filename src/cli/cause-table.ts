/** The table of releases with a column before it: what each of them is the cause of. */
import { formatAgo } from "../core/duration.ts";
import { formatReleaseTable, pad } from "../core/text-table.ts";

interface Cause {
  release: { version: number };
  description: string;
  user: { email: string };
  created_at: string;
}

interface Column<Item> {
  title: string;
  cell(item: Item): string;
}

export function formatCauses<Item extends Cause>(column: Column<Item>, items: readonly Item[], now: number): string {
  const cells = items.map((item) => column.cell(item));
  const width = Math.max(column.title.length, ...cells.map((cell) => Array.from(cell).length));
  const table = formatReleaseTable(
    items.map(({ release, description, user, created_at: createdAt }) => ({
      version: `v${String(release.version)}`,
      change: description,
      by: user.email,
      when: formatAgo(Date.parse(createdAt), now),
    })),
  );
  const lines = table.split("\n");
  const first = [column.title, "-".repeat(width), ...cells];
  return first.map((cell, index) => `${pad(cell, width)}  ${lines[index] ?? ""}\n`).join("");
}
