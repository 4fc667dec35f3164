/** The tables of `ps` and `releases`, to the byte (docs/formats.md, "Tables"). The last column is never padded, so no
 *  line ends in a space that the format does not ask for. Widths count characters, not bytes. */

export interface DynoRow {
  /** `web.1` */
  name: string;
  /** `crashed for 4s` */
  state: string;
  command: string;
}

export interface ReleaseRow {
  /** `v76` */
  version: string;
  change: string;
  by: string;
  /** `1 minute ago` */
  when: string;
}

const COMMAND_WIDTH = 36;
export const CHANGE_WIDTH = 30;
const BY_WIDTH = 20;

/** Sorted by process type, then by number. */
export function formatDynoTable(rows: readonly DynoRow[]): string {
  const lines = [...rows]
    .sort((a, b) => compareDynoNames(a.name, b.name))
    .map((row) => `${pad(row.name, 12)}  ${pad(row.state, 18)}  ${cut(row.command, COMMAND_WIDTH)}`);
  return joinLines([
    "Process       State               Command",
    "------------  ------------------  ------------------------------",
    ...lines,
  ]);
}

/** In the order given: newest first is the caller's promise. */
export function formatReleaseTable(rows: readonly ReleaseRow[]): string {
  const lines = rows.map(
    (row) =>
      `${pad(row.version, 4)}  ${pad(cut(row.change, CHANGE_WIDTH), 30)}  ${pad(cut(row.by, BY_WIDTH), 20)}  ${row.when}`,
  );
  return joinLines([
    "Rel   Change                          By                    When",
    "----  ----------------------          ----------            ----------",
    ...lines,
  ]);
}

export interface BuildRow {
  /** The whole id. */
  id: string;
  /** `succeeded, v74` */
  state: string;
  commit: string;
  by: string;
  when: string;
}

/** In the order given. */
export function formatBuildTable(rows: readonly BuildRow[]): string {
  const lines = rows.map(
    ({ id, state, commit, by, when }) =>
      `${id.slice(0, 8)}  ${pad(state, 18)}  ${commit.slice(0, 7)}  ${pad(cut(by, BY_WIDTH), 20)}  ${when}`,
  );
  return joinLines([
    "Build     State               Commit   By                    When",
    "--------  ------------------  -------  --------------------  ----------",
    ...lines,
  ]);
}

/** `web.2` before `web.10`, `web` before `worker`. */
export function compareDynoNames(a: string, b: string): number {
  const [typeA, numberA] = splitDynoName(a);
  const [typeB, numberB] = splitDynoName(b);
  if (typeA !== typeB) return typeA < typeB ? -1 : 1;
  return numberA - numberB;
}

function splitDynoName(name: string): [type: string, number: number] {
  const dot = name.lastIndexOf(".");
  return dot === -1 ? [name, 0] : [name.slice(0, dot), Number(name.slice(dot + 1)) || 0];
}

/** At most `width` characters; what is cut ends in `..`. */
export function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 2).join("")}..`;
}

/** Filled with spaces up to `width` characters; a longer text stays whole. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - Array.from(text).length));
}

export function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
