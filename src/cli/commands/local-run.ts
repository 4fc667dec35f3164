/** `git heroku local:run` */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { oneOffCommand } from "../../core/procfile.ts";
import type { Command, Context } from "../command.ts";
import { signalStatus } from "../interruption.ts";
import { ENV_OPTION, findLocalApp, PROCFILE_OPTION, readEnvFiles } from "../local-files.ts";
import { shellCommand } from "../shell-words.ts";

export const localRun: Command = {
  name: "local:run",
  topic: "Processes",
  summary: "Run a command here, with the variables of .env",
  details:
    "The command has this terminal, and its exit status is that of this one. A process type as the first word stands for its command. What has dashes goes behind --; what needs a shell's pipes or variables is given as one quoted word. Needs no platform.",
  parameters: "<command...>",
  options: [ENV_OPTION, { name: "port", short: "p", value: "PORT", summary: "PORT of the command" }, PROCFILE_OPTION],
  examples: [
    { command: "git heroku local:run node migrate.js", summary: "a script of the app" },
    { command: "git heroku local:run -e .env.test -- npm test", summary: "with other variables" },
  ],
  async run(context) {
    const { world, args } = context;
    const { directory, procfile } = await findLocalApp(world, args);
    const command = oneOffCommand(shellCommand(args.words), procfile ?? new Map());
    const vars = await readEnvFiles(world, args, join(directory, ".env"));
    const port = args.value("port");
    return runHere(context, command, { ...world.env, ...vars, ...(port === undefined ? {} : { PORT: port }) });
  },
};

const SHELL = 'if command -v bash >/dev/null; then exec bash -c "$1"; else exec sh -c "$1"; fi';

async function runHere({ world }: Context, command: string, env: Context["world"]["env"]): Promise<number> {
  const child = spawn("/bin/sh", ["-c", SHELL, "sh", command], { cwd: world.cwd, env: { ...env }, stdio: "inherit" });
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  // The terminal sends Ctrl-C to the command as well, which may live on: a console, for one.
  process.on("SIGINT", leaveToCommand).on("SIGTERM", passOn).on("SIGHUP", passOn);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return signal === null ? (code ?? 1) : signalStatus(signal);
  } finally {
    process.off("SIGINT", leaveToCommand).off("SIGTERM", passOn).off("SIGHUP", passOn);
  }
}

function leaveToCommand(): void {
  // Nothing to do.
}
