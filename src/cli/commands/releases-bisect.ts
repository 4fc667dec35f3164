/** `git heroku releases:bisect` */
import type { BisectItem, BisectPlanItem, BisectRequest, NamedRelease } from "../../api/resources.ts";
import { parseDuration } from "../../core/duration.ts";
import { AppError } from "../../core/error.ts";
import { cleanLine } from "../../core/release-commit.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, JSON_OPTION, type Arguments, type Command, type Context } from "../command.ts";
import { readDiff, showFirstBad } from "../first-bad.ts";
import { usageError } from "../parse-arguments.ts";
import { shellCommand } from "../shell-words.ts";

const TIMEOUT_USUAL = "10m";
const TIMEOUT_MAX_MS = 86_400_000;

export const releasesBisect: Command = {
  name: "releases:bisect",
  topic: "Releases",
  summary: "Find the release that made the app bad, by trying a few",
  details:
    "The command runs as a one-off process of one release after the other, with its code and its config. Exit status 0 means good, 125 cannot tell, anything else, a signal too, bad. Without vBad: the current release; without vGood: the oldest with code. Both ends are tried first. What was found is kept: after Ctrl-C, or when the platform was killed, the same command without arguments goes on.",
  parameters: "[vGood] [vBad]",
  trailing: "command",
  options: [
    ...APP_OPTIONS,
    {
      name: "timeout",
      value: "TIME",
      summary: `skip what takes longer (usually ${TIMEOUT_USUAL})`,
    },
    { name: "trust", summary: "do not try the two ends first" },
    { name: "dry-run", short: "n", summary: "print what would be tried, and run nothing" },
    { name: "resume", summary: "go on with the one under way" },
    { name: "reset", summary: "forget the one under way" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku releases:bisect v60 v74 -- npm test", summary: "between two" },
    { command: "git heroku releases:bisect v60 -- 'node x.js | grep OK'", summary: "to the current" },
    { command: "git heroku releases:bisect", summary: "go on after a Ctrl-C" },
  ],
  async run(context) {
    const { args, client } = context;
    const request = readRequest(args);
    const app = context.app();
    if (args.has("reset")) return forget(context, app);
    if (args.has("dry-run")) {
      if (request === undefined) throw usageError(releasesBisect, "--dry-run needs a command after --");
      return showPlan(context, await client.planBisect(app, request));
    }
    const begun = request === undefined ? await resume(context, app) : await client.startBisect(app, request);
    const result = await goOn(context, app, begun);
    return conclude(context, app, result);
  },
};

/** Undefined when the one under way is meant.
 *  @throws AppError usage for words that do not go together. */
function readRequest(args: Arguments): BisectRequest | undefined {
  const [good, bad] = args.words.map(parseVersion);
  const timeout = readTimeout(args.value("timeout"));
  if (args.trailing.length === 0) {
    if (good === undefined && timeout === undefined && !args.has("trust")) return undefined;
    throw usageError(releasesBisect, "A bisection needs a command after --");
  }
  if (args.has("resume") || args.has("reset")) {
    throw usageError(releasesBisect, "--resume and --reset take no command");
  }
  return { command: shellCommand(args.trailing), good, bad, timeout, trust: args.has("trust") };
}

/** In seconds. */
function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms <= TIMEOUT_MAX_MS) return ms / 1000;
  throw usageError(releasesBisect, `--timeout takes a time such as 90s, 10m or 2h, not ${JSON.stringify(text)}`);
}

async function forget({ client, out, args }: Context, app: string): Promise<undefined> {
  if (args.has("json")) return out.json(await client.resetBisect(app));
  await out.action("Forgetting the bisection", () => client.resetBisect(app));
  return undefined;
}

async function showPlan({ out, args }: Context, plan: BisectPlanItem): Promise<undefined> {
  if (args.has("json")) return out.json(plan);
  const { good, bad, releases, left_out: leftOut, copies, probes_max: most, command } = plan;
  const besides = [
    leftOut === 0 ? "" : `, ${String(leftOut)} left out that never ran`,
    copies === 0 ? "" : `, ${String(copies)} exact copies of another`,
  ].join("");
  await out.line(`${count(releases.length, "release")} from ${formatVersion(good)} to ${formatVersion(bad)}${besides}`);
  await out.line(`At most ${count(most, "probe")} with: ${command}`);
  for (const release of releases) {
    const end = release.version === good ? ", good" : release.version === bad ? ", bad" : "";
    await out.line(`${name(release)}${end}`);
  }
  return undefined;
}

/** The one under way, or the last one; tells what was found so far. */
async function resume({ client, out, args }: Context, app: string): Promise<BisectItem> {
  const state = await client.bisect(app);
  if (args.has("json")) return state;
  for (const verdict of state.verdicts) await out.line(`${name(verdict)}... ${describe(verdict)}`);
  return state;
}

/** One probe after the other, each told while it goes on. */
async function goOn({ client, out, args }: Context, app: string, begun: BisectItem): Promise<BisectItem> {
  const isQuiet = args.has("json");
  let state = begun;
  for (let next = state.next; next !== null; next = state.next) {
    const { version } = next;
    if (!isQuiet) {
      if (next.left !== null) await out.line(progress(next.left, next.steps ?? 0));
      await out.write(`${name(next)}...`);
    }
    try {
      state = await client.stepBisect(app);
    } catch (error) {
      if (!isQuiet) await out.line(" unknown");
      throw goesOnLater(error);
    }
    const verdict = state.verdicts.find((one) => one.version === version);
    if (!isQuiet) await out.line(` ${verdict === undefined ? "unknown" : describe(verdict)}`);
    if (verdict === undefined) throw endedUnjudged(version);
  }
  return state;
}

/** `good`, `bad, exit status 1`, `skipped, not finished within 60 seconds` */
function describe({ verdict, reason }: BisectItem["verdicts"][number]): string {
  if (verdict === "good") return "good";
  return `${verdict === "skip" ? "skipped" : "bad"}, ${reason}`;
}

function progress(left: number, steps: number): string {
  return `Bisecting: ${count(left, "release")} left to test after this (roughly ${count(steps, "step")})`;
}

function goesOnLater(error: unknown): unknown {
  if (!(error instanceof AppError) || error.id !== "unavailable") return error;
  return new AppError("unavailable", error.message, {
    hint: "What was found is kept: `git heroku releases:bisect` goes on with it.",
    cause: error,
  });
}

function endedUnjudged(version: number): AppError {
  return new AppError("conflict", `The probe of ${formatVersion(version)} was stopped, or somebody began anew.`, {
    hint: "`git heroku releases:bisect` goes on.",
  });
}

async function conclude(context: Context, app: string, result: BisectItem): Promise<number> {
  const { out, args } = context;
  const { first_bad: release, before, refuted } = result;
  const found = release === null || before === null ? undefined : { version: release.version, before };
  if (args.has("json")) {
    const diff = found && (await readDiff(context, app, found));
    await out.json({ ...result, diff: diff ?? null });
  } else if (found !== undefined) await showFirstBad(context, app, found);
  if (refuted !== null) throw refusal(refuted);
  if (found !== undefined) return 0;
  if (!args.has("json")) await showSuspects(context, result.suspects);
  return 1;
}

async function showSuspects({ out }: Context, suspects: readonly NamedRelease[]): Promise<void> {
  await out.line("Only skipped releases are left to test. The first bad release could be any of:");
  for (const release of suspects) await out.line(name(release));
}

function refusal({ version, expected, verdict }: NonNullable<BisectItem["refuted"]>): AppError {
  const found = verdict === "skip" ? "the command cannot tell" : `the command says ${verdict}`;
  return new AppError("invalid_params", `${formatVersion(version)} was to be ${expected}, but of it ${found}.`, {
    hint:
      expected === "bad"
        ? "Name a release that is bad, or see with `git heroku logs --ps run` whether the command does what you mean."
        : "Name a release that was good, or see with `git heroku logs --ps run` whether the command does what you mean.",
  });
}

function name({ version, description }: NamedRelease): string {
  return `${formatVersion(version)} (${cleanLine(description)})`;
}

function count(number: number, unit: string): string {
  return `${String(number)} ${unit}${number === 1 ? "" : "s"}`;
}
