/** `git heroku ps:limits` */
import type { LimitsItem } from "../../api/resources.ts";
import { checkLimit, LIMIT_FIELDS, LIMIT_NAMES, type LimitName } from "../../core/limits.ts";
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { usageError } from "../parse-arguments.ts";
import { unknownType } from "../process-target.ts";

export const psLimits: Command = {
  name: "ps:limits",
  topic: "Processes",
  summary: "Show or set what the processes of a type may use",
  details:
    "Memory is that of a process and all it has started: over the limit it is warned of in the log (R14), at twice the limit it is killed (R15). A limit of memory counts at once, the others from the next start on; `none` removes one. Makes no release.",
  parameters: "[type]",
  options: [
    ...APP_OPTIONS,
    { name: "memory", value: "SIZE", summary: "such as 512MB or 2GB" },
    { name: "open-files", value: "NUMBER", summary: "open files of each process" },
    { name: "processes", value: "NUMBER", summary: "processes and threads" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku ps:limits", summary: "those of all types" },
    { command: "git heroku ps:limits web --memory 512MB --open-files 4096", summary: "limit web processes" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const [type] = args.words;
    const change = readChange(context);
    if (change === undefined) return show(context, type);
    if (type === undefined) {
      throw usageError(psLimits, "A limit is for one process type");
    }
    const app = context.app();
    if (args.has("json")) return out.json(await client.setLimits(app, type, change));
    await out.action(`Limiting ${type} processes`, () => client.setLimits(app, type, change), {
      done: (limits) => `done, now ${describeLimits(limits)}`,
    });
    return undefined;
  },
};

/** Undefined when no limit is named.
 *  @throws AppError invalid_params for a text that does not fit. */
function readChange({ args }: Context): Partial<LimitsItem> | undefined {
  const change: Partial<Record<(typeof LIMIT_FIELDS)[LimitName], string | null>> = {};
  for (const name of LIMIT_NAMES) {
    const text = args.value(name);
    if (text === undefined) continue;
    if (text !== "none") checkLimit(name, text);
    change[LIMIT_FIELDS[name]] = text === "none" ? null : text;
  }
  return Object.keys(change).length === 0 ? undefined : change;
}

function describeLimits(limits: LimitsItem): string {
  const words = LIMIT_NAMES.flatMap((name) => {
    const text = limits[LIMIT_FIELDS[name]];
    return text === null ? [] : [`${name.replace("-", " ")} ${text}`];
  });
  return words.length === 0 ? "without limits" : words.join(", ");
}

/** @throws AppError not_found for a type that the app does not declare. */
async function show(context: Context, type: string | undefined): Promise<undefined> {
  const { args, client, out } = context;
  const app = context.app();
  const all = await client.limits(app);
  const limits = all.filter((item) => type === undefined || item.type === type);
  if (args.has("json")) return out.json(limits);
  if (limits.length > 0) return out.write(limits.map(row).reduce((text, line) => text + line, HEADER));
  const types = all.map((item) => item.type);
  if (type !== undefined) throw unknownType(app, type, types);
  return out.line(`${app} has no process types until its first deploy`);
}

const HEADER = "Type          Memory    Open files  Processes\n------------  --------  ----------  ---------\n";

function row({ type, memory, open_files: files, processes }: LimitsItem): string {
  const cells = [pad(type, 12), pad(memory ?? "none", 8), pad(files ?? "none", 10), processes ?? "none"];
  return `${cells.join("  ")}\n`;
}
