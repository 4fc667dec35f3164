/** `git heroku ps:wait` */
import type { WaitItem } from "../../api/resources.ts";
import { parseDuration } from "../../core/duration.ts";
import { AppError } from "../../core/error.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { usageError } from "../parse-arguments.ts";

const SECONDS_USUAL = 300;
const MS_MAX = 86_400_000;

export const psWait: Command = {
  name: "ps:wait",
  topic: "Processes",
  summary: "Wait until every process is up in the newest release",
  details:
    "Ends at once when a process has crashed, with exit status 1; also when the time is over. A process that sleeps counts as up. --wait-interval is taken for scripts that were written for Heroku: nothing is asked at intervals here.",
  options: [
    ...APP_OPTIONS,
    { name: "type", short: "t", value: "TYPE", summary: "only processes of this type" },
    { name: "with-run", short: "R", summary: "one-off processes too" },
    { name: "timeout", value: "TIME", summary: "how long at most, such as 90s or 10m (5m)" },
    { name: "wait-interval", short: "w", value: "SECONDS", summary: "has no meaning" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git push production main && git heroku ps:wait", summary: "deploy, and see it run" },
    { command: "git heroku ps:wait --type web --timeout 30s", summary: "web processes, half a minute" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const type = args.value("type");
    const query = { type, withRun: args.has("with-run"), seconds: readSeconds(context) };
    const app = context.app();
    if (args.has("json")) {
      const result = await client.waitForDynos(app, query);
      await out.json(result);
      return result.status === "up" ? 0 : 1;
    }
    const what = type === undefined ? "processes" : `${type} processes`;
    await out.action(`Waiting for ${what} of ${app}`, async () => check(await client.waitForDynos(app, query)), {
      done: ({ version, dynos }) => `done, ${String(dynos.length)} up in v${String(version)}`,
    });
    return undefined;
  },
};

/** @throws AppError usage for what is no time. */
function readSeconds({ args }: Context): number {
  const text = args.value("timeout");
  if (text === undefined) return SECONDS_USUAL;
  const ms = parseDuration(text);
  if (ms !== undefined && ms <= MS_MAX) return ms / 1000;
  throw usageError(psWait, `--timeout takes a time such as 90s, 10m or 2h, not ${JSON.stringify(text)}`);
}

/** @throws AppError unavailable, naming what is not up. */
function check(result: WaitItem): WaitItem {
  const { status, version, dynos } = result;
  if (status === "up") return result;
  if (status === "crashed") {
    const names = dynos.filter((dyno) => dyno.state === "crashed").map(({ name }) => name);
    throw new AppError("unavailable", `${names.join(", ")} crashed in v${String(version)}.`, {
      hint: `\`git heroku logs --ps ${names[0] ?? "web"}\` has the last words.`,
    });
  }
  const missing = dynos
    .filter((dyno) => !["up", "idle"].includes(dyno.state) || dyno.release.version < version)
    .map((dyno) => `${dyno.name} is ${dyno.state} in v${String(dyno.release.version)}`);
  const which = missing.length === 0 ? `v${String(version)} was not launched` : missing.join(", ");
  throw new AppError("unavailable", `The time is over: ${which}.`, { hint: "`git heroku ps` shows how they are." });
}
