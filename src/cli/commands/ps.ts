/** `git heroku ps` */
import type { Dyno } from "../../api/resources.ts";
import { formatStateFor } from "../../core/duration.ts";
import { AppError } from "../../core/error.ts";
import { compareDynoNames, formatDynoTable, pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";

export const ps: Command = {
  name: "ps",
  topic: "Processes",
  summary: "List the processes and how they are",
  details:
    "A process is starting, up, idle, crashed or down; the time is how long it has been so. --extended adds the release, the pid, the port and the restarts of each.",
  parameters: "[type]",
  options: [...APP_OPTIONS, { name: "extended", summary: "more about each process" }, JSON_OPTION],
  examples: [
    { command: "git heroku ps", summary: "all processes" },
    { command: "git heroku ps web", summary: "those of one type" },
  ],
  async run(context) {
    const { client, out, args, world } = context;
    const app = context.app();
    const [type] = args.words;
    const extended = args.has("extended");
    const all = await client.dynos(app, extended);
    const dynos = all
      .filter((dyno) => type === undefined || dyno.type === type)
      .sort((a, b) => compareDynoNames(a.name, b.name));
    if (dynos.length === 0 && type !== undefined) await checkType(context, app, type);
    if (args.has("json")) return out.json(dynos);
    if (dynos.length === 0) return out.line(nothingRuns(app, type));
    if (extended) await out.write(formatExtended(dynos, world.now()));
    else await out.write(formatDynoTable(dynos.map((dyno) => row(dyno, world.now()))));
    return undefined;
  },
};

function nothingRuns(app: string, type: string | undefined): string {
  return type === undefined ? `${app} has no processes` : `${app} has no ${type} processes`;
}

/** Every app may have one-off processes.
 *  @throws AppError not_found for a type that the app does not declare. */
async function checkType({ client }: Context, app: string, type: string): Promise<void> {
  if (type === "run") return;
  const types = (await client.formation(app)).map((item) => item.type);
  if (types.includes(type)) return;
  throw new AppError("not_found", `${app} has no process type ${JSON.stringify(type)}.`, {
    hint: types.length === 0 ? "It has none until its first deploy." : `It has: ${types.join(", ")}.`,
  });
}

function row(dyno: Dyno, now: number): { name: string; state: string; command: string } {
  return {
    name: dyno.name,
    state: formatStateFor(dyno.state, Date.parse(dyno.updated_at), now),
    command: dyno.command,
  };
}

/** A process of an older release that still answers requests is named with it: `web.1 (v73, serving)`. */
function formatExtended(dynos: readonly Dyno[], now: number): string {
  const newest = Math.max(...dynos.map((dyno) => dyno.release.version));
  const header = ["Process", "State", "Release", "Pid", "Port", "Restarts", "Command"];
  const rows = dynos.map((dyno) => {
    const { release, extended } = dyno;
    const isOld = extended?.serving === true && release.version < newest;
    return [
      isOld ? `${dyno.name} (v${String(release.version)}, serving)` : dyno.name,
      row(dyno, now).state,
      `v${String(release.version)}`,
      String(extended?.pid ?? "-"),
      String(extended?.port ?? "-"),
      String(extended?.restarts ?? 0),
      dyno.command,
    ];
  });
  const widths = header.map((title, column) =>
    column === header.length - 1 ? 0 : Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return [header, ...rows]
    .map((cells) => `${cells.map((cell, column) => pad(cell, widths[column] ?? 0)).join("  ")}\n`)
    .join("");
}
