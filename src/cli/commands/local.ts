/** `git heroku local` */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { borrowObjects, findFetchedRelease, type FetchedRelease } from "../../clone/fetched-release.ts";
import { AppError } from "../../core/error.ts";
import { planLocal, type LocalProcess } from "../../core/local-plan.ts";
import type { Procfile } from "../../core/procfile.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, type Arguments, type Command, type Context, type Option } from "../command.ts";
import { Interruption, signalStatus } from "../interruption.ts";
import { ENV_OPTION, findLocalApp, PROCFILE_OPTION, readEnvFiles, START_OPTION } from "../local-files.ts";
import { runFormation } from "../local-formation.ts";
import { chooseFirstPort, PORT_DEFAULT } from "../local-ports.ts";
import { countOption, usageError } from "../parse-arguments.ts";
import { ProcessGuard } from "../process-guard.ts";
import { ThrowAway } from "../throw-away.ts";

const RELEASE: Option = { name: "release", value: "VERSION", summary: "the code and config of a release, such as v73" };
const TIMEOUT = { name: "timeout", usual: 5, max: 86_400 };

export const local: Command = {
  name: "local",
  topic: "Processes",
  summary: "Run the app here, or a release of it",
  details:
    "Runs the process types of the Procfile as foreman does: all but release, or those that are named, with the variables of this terminal and of .env. Ports begin at 5000, each type has the next hundred; where they are taken, at 6000 and so on. When one process ends, all others are ended; the exit status is that of the first. Ctrl-C ends all, a second one at once. Needs no platform. With --release, the code of that release is taken from the ledger, built in a throw-away directory as the platform builds it, and run with the config vars that the release had: what it reaches by them is production's, so replace some with --env.",
  parameters: "[type...]",
  options: [
    { name: "formation", short: "m", value: "TYPE=N,...", summary: "how many of each type, such as web=2,worker=1" },
    { name: "concurrency", short: "c", value: "TYPE=N,...", summary: "the same" },
    { name: "port", short: "p", value: "PORT", summary: "the first port" },
    ENV_OPTION,
    PROCFILE_OPTION,
    START_OPTION,
    { name: "timeout", short: "t", value: "SECONDS", summary: "between SIGTERM and SIGKILL (usually 5)" },
    RELEASE,
    ...APP_OPTIONS,
  ],
  examples: [
    { command: "git heroku local", summary: "one process of each type" },
    { command: "git heroku local web=2 worker", summary: "these alone" },
    { command: "git heroku local -m all=1,web=2 --env .env.test", summary: "as foreman is called" },
    {
      command: "git heroku local --release v73 -e .env",
      summary: "v73, with your own .env",
    },
  ],
  async run(context) {
    const timeoutMs = 1000 * countOption(local, context.args, TIMEOUT);
    const interruption = new Interruption();
    try {
      const version = context.args.value(RELEASE.name);
      if (version === undefined) return await runWorkTree(context, { interruption, timeoutMs });
      return await runRelease(context, parseVersion(version), { interruption, timeoutMs });
    } catch (error) {
      // A build that was cancelled, for one.
      if (interruption.signal === undefined || !(error instanceof AppError)) throw error;
      return signalStatus(interruption.signal);
    } finally {
      interruption.close();
    }
  },
};

interface Run {
  interruption: Interruption;
  timeoutMs: number;
}

async function runWorkTree(context: Context, { interruption, timeoutMs }: Run): Promise<number> {
  const { world, out, args } = context;
  const { directory, procfile } = await findLocalApp(world, args);
  if (procfile === undefined) throw noProcfile();
  const processes = plan(procfile, args);
  const vars = await readEnvFiles(world, args, join(directory, ".env"));
  const env = { ...world.env, ...vars };
  const firstPort = await choosePorts(context, processes, env["PORT"]);
  const mark = randomBytes(12).toString("hex");
  const guard = new ProcessGuard({ timeoutMs, mark });
  try {
    const order = { processes, cwd: directory, env, firstPort, timeoutMs, mark };
    return await runFormation(order, { world, out, interruption, guard });
  } finally {
    await guard.dismiss();
  }
}

async function runRelease(context: Context, version: number, { interruption, timeoutMs }: Run): Promise<number> {
  const { world, out, args, platform, client } = context;
  if ([PROCFILE_OPTION, START_OPTION].some(({ name }) => args.value(name) !== undefined))
    throw usageError(local, "--release comes with a Procfile of its own");
  const app = context.app();
  const choice = { app: args.value("app"), remote: args.value("remote") };
  const release = findFetchedRelease(world, platform, choice, version);
  const processes = plan(release.procfile, args);
  const vars = await readEnvFiles(world, args);
  const config = await client.releaseConfig(app, version);
  const env = { ...world.env, ...releaseVars(app, release), ...config, ...vars };
  await announce(context, app, release, Object.keys(config));
  const place = await ThrowAway.make();
  const guard = new ProcessGuard({ timeoutMs, mark: place.path, throwAway: place.path });
  try {
    const cwd = await build(context, release, { place, signal: interruption.asked });
    const firstPort = await choosePorts(context, processes, vars["PORT"]);
    const order = { processes, cwd, env, firstPort, timeoutMs, mark: place.path };
    return await runFormation(order, { world, out, interruption, guard });
  } finally {
    await place.remove();
    await guard.dismiss();
  }
}

function plan(procfile: Procfile, args: Arguments): LocalProcess[] {
  return planLocal(procfile, { words: args.words, formation: args.value("formation") ?? args.value("concurrency") });
}

/** @param set what a variable says, as in foreman. */
async function choosePorts(
  { out, args, home }: Context,
  processes: readonly LocalProcess[],
  set: string | undefined,
): Promise<number> {
  const asked = args.value("port") ?? set;
  const offsets = processes.map(({ portOffset }) => portOffset);
  const first = await chooseFirstPort(offsets, asked, home);
  if (asked === undefined && first !== PORT_DEFAULT) {
    out.note(`Ports begin at ${String(first)}, because those from ${String(PORT_DEFAULT)} on are not free.\n`);
  }
  return first;
}

/** As on the platform, but for DYNO: programs take it as a sign that this is production. */
function releaseVars(app: string, { version, commit }: FetchedRelease): Record<string, string> {
  return {
    HEROKU_APP_NAME: app,
    HEROKU_RELEASE_VERSION: formatVersion(version),
    HEROKU_SLUG_COMMIT: commit,
  };
}

async function announce({ out }: Context, app: string, release: FetchedRelease, names: string[]): Promise<void> {
  const { version, description, commit } = release;
  await out.line(`-----> Running ${formatVersion(version)} of ${app} here: ${description}`);
  await out.line(`       Code of ${commit.slice(0, 7)}, built here as the platform builds it`);
  if (names.length === 0) return;
  await out.line(`       Config vars of ${formatVersion(version)}: ${names.sort().join(", ")}`);
  await out.line("       What is reached by them is production's; --env FILE replaces some");
}

async function build(
  { world, out }: Context,
  { commit, tree }: FetchedRelease,
  { place, signal }: { place: ThrowAway; signal: AbortSignal },
): Promise<string> {
  const repo = join(place.path, "code.git");
  borrowObjects(world, repo);
  const output = (text: string): void => void out.write(text);
  return world.buildRelease({ repo, commit, tree, directory: place.path, env: world.env, output, signal });
}

function noProcfile(): AppError {
  return new AppError("not_found", "There is no Procfile here.", {
    hint: "Add one with a line such as `web: node server.js`, or name one with --procfile.",
  });
}
