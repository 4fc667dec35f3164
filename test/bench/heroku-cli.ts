/** Our command beside Heroku's own client, the same question to the same platform, as a person types it: how long it takes, and
 *  how much memory the largest of its processes has. Needs GNU time, and heroku in the cache of the long tests. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { deployFixture, must } from "../support/deploy.ts";
import { findHeroku, herokuEnvironment } from "../support/heroku-cli.ts";
import { startPlatform, type ExecResult } from "../support/platform.ts";
import { median, ms, timed, times, withContext, type Row } from "./measure.ts";

const ROUNDS = 3;
const LIMIT = "0.3 ×, 0.6 ×";
const TIME = "/usr/bin/time";
/** What only looks, by both names where they differ. */
const COMMANDS: readonly (readonly [ours: string, theirs: string])[] = [
  ["apps", "apps"],
  ["info", "apps:info"],
  ["ps", "ps"],
  ["releases", "releases"],
  ["releases:info v2", "releases:info v2"],
  ["releases:output v2", "releases:output v2"],
  ["config", "config"],
  ["config:get FOO", "config:get FOO"],
  ["logs -n 100", "logs -n 100"],
  ["domains", "domains"],
  ["drains", "drains"],
  ["buildpacks", "buildpacks"],
  ["maintenance", "maintenance"],
  ["tokens", "authorizations"],
];

interface Figures {
  wallMs: number;
  rssMb: number;
}

/** Runs a program to its end under GNU time. */
type Run = (command: string, args: string[]) => Promise<ExecResult>;

export async function benchHerokuCli(): Promise<Row[]> {
  const { script, missing } = await findHeroku();
  const withoutTime = await access(TIME).then(
    () => undefined,
    () => "GNU time",
  );
  if (script === undefined || withoutTime !== undefined) return [lacking(missing ?? withoutTime ?? "")];
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "hello", "foobaz");
    await must(platform, clone, "heroku", "config:add", "FOO=bar", "BAZ=two words");
    const env = await herokuEnvironment(platform, clone);
    const report = join(await t.tempDir(), "peak");
    const inClone: Run = (command, args) =>
      platform.exec(TIME, ["-f", "%M", "-o", report, command, ...args], { cwd: clone, env });
    const rows: Row[] = [];
    for (const [ours, theirs] of COMMANDS) {
      const sides = [
        () => measure(inClone, report, ["git", "heroku", ...ours.split(" ")]),
        () => measure(inClone, report, [process.execPath, "--no-deprecation", script, ...theirs.split(" ")]),
      ] as const;
      rows.push(compare(ours, theirs, await inTurns(sides)));
    }
    return rows;
  });
}

function compare(ours: string, theirs: string, [our, their]: readonly [Figures, Figures]): Row {
  const say = ({ wallMs, rssMb }: Figures): string => `${ms(wallMs)}, ${rssMb.toFixed(0)} MB`;
  return {
    what: `\`${ours}\``,
    ours: say(our),
    peer: `${say(their)} \`heroku ${theirs}\``,
    ratio: `${times(our.wallMs, their.wallMs)}, ${times(our.rssMb, their.rssMb)}`,
    limit: LIMIT,
  };
}

/** Medians; the first round is not counted. */
async function inTurns(sides: readonly [() => Promise<Figures>, () => Promise<Figures>]): Promise<[Figures, Figures]> {
  const found: [Figures[], Figures[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const index of [0, 1] as const) {
      const figures = await sides[index]();
      if (round > 0) found[index].push(figures);
    }
  }
  const middle = (all: Figures[]): Figures => ({
    wallMs: median(all.map(({ wallMs }) => wallMs)),
    rssMb: median(all.map(({ rssMb }) => rssMb)),
  });
  return [middle(found[0]), middle(found[1])];
}

async function measure(run: Run, report: string, [command = "", ...args]: string[]): Promise<Figures> {
  let ended: ExecResult | undefined;
  const wallMs = await timed(async () => (ended = await run(command, args)));
  if (ended?.status !== 0) throw new Error(`${args.join(" ")}: ${String(ended?.stderr)}`);
  return { wallMs, rssMb: Number(await readFile(report, "utf8")) / 1024 };
}

function lacking(what: string): Row {
  return { what: "Heroku's own client", ours: `needs ${what}`, peer: "", ratio: "", limit: LIMIT };
}
