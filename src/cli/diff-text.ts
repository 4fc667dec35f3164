/** The difference of two releases for people: a section for each kind of thing that changed, in git's signs and colours.
 *  File names are quoted as git does and other people's words are kept to one line, so nothing in a repository can
 *  make up a line of its own. */
import type { EntryItem, LockFileItem, ReleaseDiff } from "../api/history-resources.ts";
import type { ReleaseItem } from "../api/resources.ts";
import { formatAgo } from "../core/duration.ts";
import { cleanLine } from "../core/release-commit.ts";
import { formatVersion } from "../core/release.ts";
import { pad } from "../core/text-table.ts";
import { oneLine } from "./config-words.ts";
import { formatDiffStat, quotePath, type Paint } from "./diff-stat.ts";

type Vars = Readonly<Record<string, string>>;

export interface DiffTextOptions {
  now: number;
  paint: Paint;
  /** The values of config vars on both sides, where they shall be shown. */
  values?: { base: Vars; release: Vars } | undefined;
}

const SHORT_OID = 7;

export function formatDiff(diff: ReleaseDiff, options: DiffTextOptions): string {
  const { paint } = options;
  const sections: [title: string, text: string][] = [
    ["Commits", formatCommits(diff, paint)],
    ["Files", formatDiffStat(diff.files, diff.totals, paint)],
    ...diff.lock_files.map((file): [string, string] => [
      `Dependencies in ${quotePath(file.path)}`,
      formatLockFile(file, paint),
    ]),
    ["Config vars", formatConfig(diff, options)],
    ["Process types", formatEntries(diff.process_types, paint)],
    ["Add-ons", formatNames(diff.addons, paint)],
  ];
  const shown = sections.filter(([, text]) => text !== "").map(([title, text]) => `\n=== ${title}\n${text}`);
  return formatHead(diff, options.now) + (shown.length === 0 ? "\nNothing differs.\n" : shown.join(""));
}

function formatHead({ base, release }: ReleaseDiff, now: number): string {
  const versions = [base, release].map(({ version }) => formatVersion(version));
  const width = Math.max(...versions.map((version) => version.length));
  const rows = [base, release].map((item, index) => `${pad(versions[index] ?? "", width)}  ${describe(item, now)}\n`);
  return `=== ${versions.join(" to ")}\n${rows.join("")}`;
}

function describe(item: ReleaseItem, now: number): string {
  const status = item.current ? ", current" : item.status === "failed" ? ", failed" : "";
  return `${cleanLine(item.description)} by ${item.user.email}, ${formatAgo(Date.parse(item.created_at), now)}${status}`;
}

/** `<` is taken back, `>` is new, as in `git log --left-right`. */
function formatCommits({ commits }: ReleaseDiff, paint: Paint): string {
  const side = (mark: string, list: ReleaseDiff["commits"]["added"]): string[] =>
    list.map(
      ({ id, subject, author }) =>
        `${mark} ${paint(id.slice(0, SHORT_OID), "yellow")} ${cleanLine(subject)} (${cleanLine(author.name)})\n`,
    );
  const more = commits.truncated ? ["… and more; `git log` in a clone lists all\n"] : [];
  return [...side("<", commits.removed), ...side(">", commits.added), ...more].join("");
}

function formatLockFile(file: LockFileItem, paint: Paint): string {
  if (file.problem !== null) return `${file.problem}\n`;
  const count = `${String(file.changes.length)} ${file.changes.length === 1 ? "package" : "packages"}`;
  // A list of everything would say no more than that.
  if (file.status === "added") return paint(`+ ${count}\n`, "green");
  if (file.status === "removed") return paint(`- ${count}\n`, "red");
  return formatEntries(file.changes, paint);
}

function formatEntries(entries: readonly EntryItem[], paint: Paint): string {
  const rows = entries.map(({ name, from, to }): Row => {
    const [was, is] = [cleanLine(from ?? ""), cleanLine(to ?? "")];
    if (from === null) return ["+", name, is];
    return to === null ? ["-", name, was] : ["~", name, `${was} -> ${is}`];
  });
  return formatRows(rows, paint);
}

function formatNames(entries: readonly EntryItem[], paint: Paint): string {
  const rows = entries.map(({ name, from, to }): Row => [from === null ? "+" : to === null ? "-" : "~", name, ""]);
  return formatRows(rows, paint);
}

function formatConfig({ config }: ReleaseDiff, { paint, values }: DiffTextOptions): string {
  const was = (name: string): string => oneLine(values?.base[name] ?? "");
  const is = (name: string): string => oneLine(values?.release[name] ?? "");
  const shown = (text: string): string => (values === undefined ? "" : `=> ${text}`);
  const rows: Row[] = [
    ...config.added.map((name): Row => ["+", name, shown(is(name))]),
    ...config.changed.map((name): Row => ["~", name, shown(`${is(name)} (was ${was(name)})`)]),
    ...config.removed.map((name): Row => ["-", name, shown(was(name))]),
  ];
  return formatRows(
    rows.sort(([, a], [, b]) => (a < b ? -1 : 1)),
    paint,
  );
}

type Row = readonly [sign: "+" | "-" | "~", name: string, rest: string];
const COLOURS = { "+": "green", "-": "red", "~": "yellow" } as const;

function formatRows(rows: readonly Row[], paint: Paint): string {
  const names = rows.map(([, name]) => cleanLine(name));
  const width = Math.max(0, ...names.map((name) => name.length));
  return rows
    .map(([sign, , rest], index) => {
      const name = names[index] ?? "";
      return `${paint(`${sign} ${rest === "" ? name : `${pad(name, width)} ${rest}`}`, COLOURS[sign])}\n`;
    })
    .join("");
}
