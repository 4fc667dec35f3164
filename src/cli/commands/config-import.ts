/** `git heroku config:import` */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { changeConfig } from "../../core/config-vars.ts";
import { AppError } from "../../core/error.ts";
import { APP_OPTIONS, type Command, type World } from "../command.ts";
import { changeBetween, formatDifference } from "../config-changes.ts";
import { usageError } from "../parse-arguments.ts";
import { decodeText, readDotenv, readShell } from "../read-dotenv.ts";
import { describeRestart } from "../restart-words.ts";

export const configImport: Command = {
  name: "config:import",
  topic: "Config",
  summary: "Set the config vars of a .env file and restart the app",
  details:
    "Reads dotenv text from the file, or from standard input, and makes one release of all of it. Nothing in a value is expanded. Vars that the file does not name stay, unless --replace is given. When anything in it is wrong, nothing is changed.",
  parameters: "[file]",
  options: [
    ...APP_OPTIONS,
    { name: "replace", summary: "remove the vars that the file does not name" },
    { name: "shell", summary: "read what `heroku config -s` prints, quoted for a shell" },
    { name: "skip-reserved", summary: "leave out names that the platform sets itself" },
    { name: "dry-run", short: "n", summary: "only list what would change" },
  ],
  examples: [
    { command: "git heroku config:import < .env", summary: "from standard input" },
    { command: "git heroku config:import .env --replace", summary: "exactly what the file says" },
    { command: "git heroku config:import --shell < heroku.txt", summary: "of `heroku config -s`" },
  ],
  async run(context) {
    const { client, out, args, world } = context;
    const text = decodeText(await readInput(world, args.words[0]));
    const read = args.has("shell") ? readShell : readDotenv;
    const { vars, remarks } = read(text, { skipReserved: args.has("skip-reserved") });
    for (const remark of remarks) out.warn(remark);
    if (Object.keys(vars).length === 0) throw noVars();
    const app = context.app();
    const before = await client.config(app);
    const plan = changeBetween(before, args.has("replace") ? vars : { ...before, ...vars });
    if (plan === undefined) return out.line("Nothing differs, so no release was made");
    changeConfig(before, plan.change);
    await out.line("Importing config vars:");
    await out.write(formatDifference(plan.difference));
    if (args.has("dry-run")) return out.line("Dry run: nothing was changed");
    await out.action("Restarting app", (show) => client.changeConfig(app, plan.change, { show }), {
      done: describeRestart,
    });
    return undefined;
  },
};

/** Config vars of one app fit into 64 KiB; comments and quotes have the rest. */
const INPUT_BYTES_MAX = 1024 * 1024;

async function readInput(world: World, file: string | undefined): Promise<Buffer> {
  if (file === undefined && world.stdin.isTTY === true) {
    throw usageError(configImport, "Name a file, or give one on standard input");
  }
  const input = file === undefined ? world.stdin : createReadStream(resolve(world.cwd, file));
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of input) {
      chunks.push(Buffer.from(chunk));
      bytes += chunks.at(-1)?.length ?? 0;
      if (bytes > INPUT_BYTES_MAX) throw tooLarge();
    }
  } catch (error) {
    throw error instanceof AppError ? error : unreadable(file, error as NodeJS.ErrnoException);
  }
  return Buffer.concat(chunks);
}

function noVars(): AppError {
  return new AppError("invalid_params", "There are no config vars in it, so nothing was changed.", {
    hint: "To remove vars: git heroku config:remove NAME...",
  });
}

function tooLarge(): AppError {
  return new AppError("invalid_params", "The file is larger than 1 MiB; the config vars of an app have 64 KiB in all.");
}

function unreadable(file: string | undefined, { code = "an unknown error" }: NodeJS.ErrnoException): AppError {
  const subject = file === undefined ? "Standard input" : JSON.stringify(file);
  const reasons: Record<string, string> = { ENOENT: "there is no such file", EISDIR: "it is a directory" };
  return new AppError("invalid_params", `${subject} cannot be read: ${reasons[code] ?? code}.`, {
    hint: "Give a file of NAME=value lines.",
  });
}
