/** `git heroku ps` */
import type { Dyno, ExtendedDyno } from "../../api/resources.ts";
import { formatStateFor } from "../../core/duration.ts";
import { AppError } from "../../core/error.ts";
import { formatMemory } from "../../core/limits.ts";
import { compareDynoNames, formatDynoTable, pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, NO_WRAP_OPTION, type Command, type Context } from "../command.ts";
import { showLive } from "../live-screen.ts";
import { unknownType } from "../process-target.ts";

/** How long each picture of --watch stays. */
const WATCH_MS = 1000;

export const ps: Command = {
  name: "ps",
  topic: "Processes",
  summary: "List the processes and how they are",
  details:
    "A process is starting, up, idle, crashed or down; the time is how long it has been so. Where an older release serves on because the new web processes crashed, that is said on a terminal. --extended adds the release, the pid, the port, the memory, the restarts and the host of each. JSON always has these. --watch shows it until Ctrl-C is pressed.",
  parameters: "[type]",
  options: [
    ...APP_OPTIONS,
    { name: "extended", short: "x", summary: "more about each process" },
    { name: "watch", short: "w", summary: "show it as it changes" },
    NO_WRAP_OPTION,
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku ps", summary: "all processes" },
    { command: "git heroku ps web", summary: "those of one type" },
    { command: "git heroku ps --watch", summary: "see a release come up" },
  ],
  async run(context) {
    const { out, args } = context;
    const app = context.app();
    if (args.has("watch")) return watch(context, app);
    const dynos = await listDynos(context, app);
    if (args.has("json")) return out.json(dynos);
    await out.write(format(dynos, context, app));
    if (out.isTerminal) await adviseWhereOldServes(context, app, dynos);
    return undefined;
  },
};

/** To people only: a program reads the states. */
async function adviseWhereOldServes({ client, out }: Context, app: string, dynos: readonly Dyno[]): Promise<void> {
  const crashed = dynos.filter(({ type, state }) => type === "web" && state === "crashed");
  if (crashed.length === 0) return;
  const all = await client.dynos(app, true);
  const serving = all.find(({ extended }) => extended?.serving === true && !extended.listed);
  if (serving === undefined) return;
  const names = crashed.map(({ name }) => name).join(", ");
  out.warn(`v${String(serving.release.version)} serves on, because ${names} did not come up.`);
  out.warn("Fix and push, or roll back with: git heroku rollback");
}

/** @throws AppError not_found for a type that the app does not declare. */
async function listDynos(context: Context, app: string): Promise<Dyno[]> {
  const { client, args } = context;
  const [type] = args.words;
  const isExtended = args.has("extended");
  const all = await client.dynos(app, isExtended || args.has("json"));
  const dynos = all
    .filter((dyno) => type === undefined || dyno.type === type)
    .filter((dyno) => isExtended || dyno.extended?.listed !== false)
    .sort((a, b) => compareDynoNames(a.name, b.name));
  if (dynos.length === 0 && type !== undefined) await checkType(context, app, type);
  return dynos;
}

function format(dynos: readonly Dyno[], { args, world }: Context, app: string): string {
  if (dynos.length === 0) return `${nothingRuns(app, args.words[0])}\n`;
  if (args.has("extended")) return formatExtended(dynos, world.now());
  return formatDynoTable(dynos.map((dyno) => row(dyno, world.now())));
}

/** @throws AppError invalid_params where there is no terminal. */
async function watch(context: Context, app: string): Promise<undefined> {
  const { out, args, world } = context;
  if (!out.isTerminal || args.has("json")) {
    throw new AppError("invalid_params", "--watch needs a terminal to draw on.", {
      hint: "`git heroku ps --json` is for programs; `git heroku logs --tail --source heroku` tells of every change.",
    });
  }
  // What is wrong from the start is told as ever.
  await listDynos(context, app);
  const draw = async (): Promise<string> => {
    try {
      return format(await listDynos(context, app), context, app);
    } catch (error) {
      if (error instanceof AppError) return ` !    ${error.message}\n`;
      throw error;
    }
  };
  return out.write(await showLive(world.stdout, draw, WATCH_MS));
}

function nothingRuns(app: string, type: string | undefined): string {
  return type === undefined ? `${app} has no processes` : `${app} has no ${type} processes`;
}

/** Every app may have one-off processes.
 *  @throws AppError not_found for a type that the app does not declare. */
async function checkType({ client }: Context, app: string, type: string): Promise<void> {
  if (type === "run") return;
  const types = (await client.formation(app)).map((item) => item.type);
  if (!types.includes(type)) throw unknownType(app, type, types);
}

function row(dyno: Dyno, now: number): { name: string; state: string; command: string } {
  return {
    name: dyno.name,
    state: formatStateFor(dyno.state, Date.parse(dyno.updated_at), now),
    command: dyno.command,
  };
}

const EXTENDED_HEADER = ["Process", "State", "Release", "Pid", "Port", "Memory", "Restarts", "Host", "Command"];

function formatExtended(dynos: readonly Dyno[], now: number): string {
  const rows = [EXTENDED_HEADER, ...dynos.map((dyno) => extendedRow(dyno, now))];
  const widths = EXTENDED_HEADER.map((_, column) =>
    column === EXTENDED_HEADER.length - 1 ? 0 : Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) => `${cells.map((cell, column) => pad(cell, widths[column] ?? 0)).join("  ")}\n`).join("");
}

/** A process that answers requests while another has its name is named with its release: `web.1 (v73, serving)`. */
function extendedRow(dyno: Dyno, now: number): string[] {
  const { pid, port, memory, restarts, host, serving, listed } = { ...UNKNOWN, ...dyno.extended };
  const version = `v${String(dyno.release.version)}`;
  return [
    serving && !listed ? `${dyno.name} (${version}, serving)` : dyno.name,
    row(dyno, now).state,
    version,
    String(pid ?? "-"),
    String(port ?? "-"),
    memory === null ? "-" : formatMemory(memory),
    String(restarts),
    host,
    dyno.command,
  ];
}

const UNKNOWN: ExtendedDyno = {
  pid: null,
  port: null,
  memory: null,
  restarts: 0,
  host: "-",
  serving: false,
  listed: true,
  release: 0,
};
