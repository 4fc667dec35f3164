/** The table of `slugs`. */
import { cut, joinLines, pad } from "./text-table.ts";

export interface SlugRow {
  id: string;
  kind: string;
  size: string;
  own: string;
  built: string;
  /** Newest first. */
  releases: readonly string[];
  marks: readonly string[];
}

/** More are counted. */
const RELEASES_SHOWN = 4;

export function formatSlugTable(rows: readonly SlugRow[]): string {
  return joinLines([
    "Slug      Kind          Size      Own       Built           Releases",
    "--------  ------------  --------  --------  --------------  ----------",
    ...rows.map(formatRow),
  ]);
}

function formatRow({ id, kind, size, own, built, releases, marks }: SlugRow): string {
  const more = releases.length - RELEASES_SHOWN;
  const names = [...releases.slice(0, RELEASES_SHOWN), ...(more > 0 ? [`and ${String(more)} more`] : [])];
  const words = names.length === 0 ? "none" : names.join(", ");
  const marked = marks.length === 0 ? "" : ` (${marks.join(", ")})`;
  return `${id.slice(0, 8)}  ${pad(cut(kind, 12), 12)}  ${pad(size, 8)}  ${pad(own, 8)}  ${pad(built, 14)}  ${words}${marked}`;
}
