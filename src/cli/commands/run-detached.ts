/** `git heroku run:detached` */
import type { Dyno } from "../../api/resources.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { formatLines } from "../log-text.ts";
import { usageError } from "../parse-arguments.ts";
import { ENV_OPTION, readVariables } from "../run-variables.ts";
import { NO_LAUNCHER_OPTION, readCommand, TYPE_OPTION } from "../run-words.ts";

export const runDetached: Command = {
  name: "run:detached",
  topic: "Processes",
  summary: "Run a command once, in a process of its own",
  details:
    "The process has the code and config of the current release, no port, and ends by itself, by ps:stop or after 24 hours; its output goes to the log. --tail shows that until the process has ended; Ctrl-C ends the showing alone. A process type as the first word stands for its command. What has dashes goes behind --; what needs a shell's pipes or variables is given as one quoted word.",
  parameters: "[command...]",
  options: [
    ...APP_OPTIONS,
    ENV_OPTION,
    TYPE_OPTION,
    { name: "tail", short: "t", summary: "show its log until it has ended" },
    NO_LAUNCHER_OPTION,
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku run:detached -- node task.js --all", summary: "a script of the app" },
    { command: "git heroku run:detached 'node dump.js | gzip | wc -c'", summary: "a line for the shell" },
    { command: "git heroku run:detached worker", summary: "one more worker, once" },
    { command: "git heroku run:detached --tail rake db:migrate", summary: "and see what it says" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const command = readCommand(runDetached, args);
    if (args.has("tail") && args.has("json")) throw usageError(runDetached, "--tail shows lines, without --json");
    const env = readVariables(args.values("env"));
    const app = context.app();
    const run = (): ReturnType<typeof client.runDetached> => client.runDetached(app, { command, env });
    if (args.has("json")) return out.json(await run());
    const dyno = await out.action(`Running ${command} on ${app}`, run, { done: ({ name }) => `done, ${name}` });
    if (args.has("tail")) return tail(context, app, dyno);
    return out.line(`Run git heroku logs --app ${app} --ps ${dyno.name} to view the output.`);
  },
};

/** The platform's last line about a one-off process; no process can write one of this source. */
const END =
  /^\{"ts":"[^"]*","ps":"[^"]*","source":"heroku",(?:"\w+":\w+,)*"msg":"State changed from \w+ to complete"\}$/m;

/** Before it was up it was said that it starts. Its name is that of no other one for long. */
const BEFORE_MS = 60_000;

async function tail(context: Context, app: string, { name, updated_at: upAt }: Dyno): Promise<undefined> {
  const { out } = context;
  const since = new Date(Date.parse(upAt) - BEFORE_MS).toISOString();
  const { followLogs } = await import("../follow-logs.ts");
  return followLogs({
    context,
    app,
    query: { ps: name, since, tail: true, cursors: true },
    print: ({ lines }) => out.write(formatLines(lines, out)),
    isLast: (lines) => END.test(lines.toString("utf8")),
  });
}
