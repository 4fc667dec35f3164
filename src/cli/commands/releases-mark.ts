/** `git heroku releases:mark` */
import type { Mark } from "../../api/resources.ts";
import { formatAgo } from "../../core/duration.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { usageError } from "../parse-arguments.ts";

export const releasesMark: Command = {
  name: "releases:mark",
  topic: "Releases",
  summary: "Mark a release as bad, or list the marks",
  details:
    "A rollback without a version passes over releases that are marked bad. A mark changes nothing of what runs, and makes no release.",
  parameters: "[version]",
  options: [
    ...APP_OPTIONS,
    { name: "bad", value: "REASON", summary: "what is wrong with the release" },
    { name: "clear", summary: "take the mark away" },
    JSON_OPTION,
  ],
  examples: [
    { command: 'git heroku releases:mark v74 --bad "500s on /pay"', summary: "mark a release" },
    { command: "git heroku releases:mark v74 --clear", summary: "take the mark away" },
    { command: "git heroku releases:mark", summary: "list the marks" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const [word, reason, clear] = [args.words[0], args.value("bad"), args.has("clear")];
    if (word === undefined && reason === undefined && !clear) return list(context);
    if (word === undefined) throw usageError(releasesMark, "Name the release");
    const version = parseVersion(word);
    if ((reason === undefined) === !clear)
      throw usageError(releasesMark, "Give either --bad with a reason, or --clear");
    const app = context.app();
    if (args.has("json")) return out.json(await client.mark(app, version, reason ?? null));
    const what = reason === undefined ? "Clearing the mark of" : "Marking";
    await out.action(`${what} ${formatVersion(version)}`, () => client.mark(app, version, reason ?? null), {
      done: ({ mark }) => (mark ? `done, bad: ${mark.reason}` : "done"),
    });
    return undefined;
  },
};

async function list(context: Context): Promise<undefined> {
  const { client, out, args, world } = context;
  const app = context.app();
  const marks = await client.marks(app);
  if (args.has("json")) return out.json(marks);
  if (marks.length === 0) return out.line(`No release of ${app} is marked.`);
  for (const mark of marks) await out.line(formatMark(mark, world.now()));
  return undefined;
}

function formatMark({ version, reason, by, at }: Mark, now: number): string {
  return `${pad(formatVersion(version), 4)}  bad: ${reason} (${by}, ${formatAgo(Date.parse(at), now)})`;
}
