/** `git heroku run` */
import type { AppName } from "../../core/app-name.ts";
import { APP_OPTIONS, type Command, type Context } from "../command.ts";
import { joinRun, terminalSize, type RunSession } from "../run-session.ts";
import { NO_LAUNCHER_OPTION, readCommand, TYPE_OPTION } from "../run-words.ts";
import { ENV_OPTION, readVariables } from "../run-variables.ts";

export const run: Command = {
  name: "run",
  topic: "Processes",
  summary: "Run a command once, with your terminal or your files",
  details:
    "The process has the code and config of the current release. At a terminal it gets one of its own; with a pipe or a file on your side it gets pipes, and its two outputs stay apart. Its exit status becomes that of this command, 128 and the signal's number when a signal ended it. When you go, it gets SIGHUP. A process type as the first word stands for its command. What has dashes goes behind --; what needs a shell's pipes or variables is given as one quoted word.",
  parameters: "[command...]",
  options: [
    ...APP_OPTIONS,
    ENV_OPTION,
    { ...TYPE_OPTION, short: "t" },
    { name: "no-tty", summary: "pipes, although you are at a terminal" },
    { name: "exit-code", short: "x", summary: "for Heroku's sake; the exit status is always passed on" },
    NO_LAUNCHER_OPTION,
    { name: "no-notify", summary: "for Heroku's sake; nothing notifies you" },
  ],
  examples: [
    { command: "git heroku run bash", summary: "a shell beside the app" },
    {
      command: "git heroku run -- node sum.js --all <in.csv >out.csv",
      summary: "a script, with files",
    },
    { command: "git heroku run 'node dump.js | gzip' >dump.gz", summary: "a line for the shell" },
  ],
  async run(context) {
    const { out, args } = context;
    const words = readCommand(run, args);
    const app = context.app();
    out.note(`Running ${words} on ${app}... `);
    let session: RunSession;
    try {
      session = await begin(context, app, words);
    } catch (error) {
      out.note("failed\n");
      throw error;
    }
    out.note(`up, ${session.ps}\n`);
    return joinRun(session);
  },
};

async function begin({ world, client, args }: Context, app: AppName, command: string): Promise<RunSession> {
  const hasTerminal = world.stdin.isTTY === true && world.stdout.isTTY === true && !args.has("no-tty");
  const given = readVariables(args.values("env"));
  const { columns, rows } = terminalSize(world.stdout);
  const terminal = { TERM: world.env["TERM"] ?? "dumb", COLUMNS: String(columns), LINES: String(rows) };
  const env = hasTerminal ? { ...terminal, ...given } : given;
  const { dyno, connection } = await client.runAttached(app, { command, env, force_no_tty: !hasTerminal });
  return { world, ps: dyno.name, connection, hasTerminal };
}
