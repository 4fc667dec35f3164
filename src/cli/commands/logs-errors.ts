/** `git heroku logs:errors` */
import { formatAgo } from "../../core/duration.ts";
import type { ErrorGroup } from "../../core/log-errors.ts";
import { formatVersion } from "../../core/release.ts";
import { cut } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { filterWords, RANGE_OPTIONS, readFilters, TIME_WORDS, WHICH_OPTIONS } from "../log-filters.ts";
import { countOption } from "../parse-arguments.ts";

const GROUPS_USUAL = 20;
const GROUPS_MAX = 1_000;
const MESSAGE_WIDTH = 200;
const PROCESSES_SHOWN = 5;

export const logsErrors: Command = {
  name: "logs:errors",
  topic: "Logs",
  summary: "Group similar errors, and which release brought them",
  details: `Lines that differ only in numbers, ids, addresses and quoted texts are one error; a stack trace counts by its first line and the frame where it was thrown. "new in v74": older releases have lines in what is kept, and none of them had it. ${TIME_WORDS}`,
  options: [
    ...APP_OPTIONS,
    { name: "num", short: "n", value: "COUNT", summary: `how many kinds (usually ${String(GROUPS_USUAL)})` },
    ...RANGE_OPTIONS,
    ...WHICH_OPTIONS,
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku logs:errors", summary: "the most frequent first" },
    { command: "git heroku logs:errors --since v74", summary: "since the last deploy" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const { since, until, trash, imported } = readFilters(logsErrors, args);
    const groups = countOption(logsErrors, args, { name: "num", usual: GROUPS_USUAL, max: GROUPS_MAX });
    const app = context.app();
    const errors = await client.logErrors(app, { since, until, trash: trash === true, imported, groups });
    if (args.has("json")) return out.json(errors);
    if (errors.groups.length === 0) {
      const words = filterWords(args);
      return out.line(words === "" ? `There are no errors in the log of ${app}.` : `No errors match${words}.`);
    }
    const width = Math.max(...errors.groups.map(({ count }) => String(count).length));
    for (const group of errors.groups) await printGroup(context, group, width);
    const { groups: kinds, errors: all } = errors.total;
    if (kinds > errors.groups.length) await out.line(`${String(kinds)} kinds of errors in all, ${String(all)} times.`);
    return undefined;
  },
};

async function printGroup({ out, world }: Context, group: ErrorGroup, width: number): Promise<void> {
  const indent = " ".repeat(width + 2);
  await out.line(
    `${out.paint(String(group.count).padStart(width), "red")}  ${cut(group.message.trim(), MESSAGE_WIDTH)}`,
  );
  if (group.frame !== null) await out.line(`${indent}${cut(group.frame, MESSAGE_WIDTH)}`);
  const ago = (time: string): string => formatAgo(Date.parse(time), world.now());
  const [first, last] = [ago(group.first_seen), ago(group.last_seen)];
  const when = group.count === 1 && first === last ? last : `first ${first}, last ${last}`;
  await out.line(
    `${indent}${[releaseWords(group), processWords(group), when].filter((part) => part !== "").join(", ")}`,
  );
}

function releaseWords({ release, new: isNew }: ErrorGroup): string {
  if (release === null) return "";
  return `${isNew ? "new in" : "since"} ${formatVersion(release)}`;
}

function processWords({ processes }: ErrorGroup): string {
  const more = processes.length - PROCESSES_SHOWN;
  return processes.slice(0, PROCESSES_SHOWN).join(" ") + (more > 0 ? ` and ${String(more)} more` : "");
}
