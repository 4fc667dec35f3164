/** One run of `git heroku`: words in, text and an exit status out. Status 0 done (also when the reader closed the pipe),
 *  1 refused or failed, 2 a mistake in the words, 70 a bug. */
import { findHome } from "../api/home.ts";
import { choosePlatform } from "../clone/choose-platform.ts";
import { findApp } from "../clone/find-app.ts";
import { AppError } from "../core/error.ts";
import { clients } from "./clients.ts";
import { APP_PARAMETER, type Arguments, type Command, type Context, type World } from "./command.ts";
import { loadCommand } from "./command-list.ts";
import { parseArguments, usageError } from "./parse-arguments.ts";
import { Terminal } from "./terminal.ts";

const DONE = 0;
const FAILED = 1;
const USAGE = 2;
/** sysexits' EX_SOFTWARE. */
const BUG = 70;

export async function runCli(words: readonly string[], world: World): Promise<number> {
  const out = new Terminal(world.stdout, world.stderr, world.env);
  try {
    return await dispatch(words, world, out);
  } catch (error) {
    return report(error, out);
  }
}

/** What is answered without the list of commands. */
const OUTSIDE_THE_LIST: Readonly<Record<string, (words: string[], world: World, out: Terminal) => Promise<number>>> = {
  version: showVersion,
  "--version": showVersion,
  help: showHelp,
  "--help": showHelp,
  "-h": showHelp,
  "complete-values": showValues,
};

async function dispatch(words: readonly string[], world: World, out: Terminal): Promise<number> {
  const [name = "help", ...rest] = words;
  if (Object.hasOwn(OUTSIDE_THE_LIST, name)) return OUTSIDE_THE_LIST[name]?.(rest, world, out) ?? DONE;
  if (name.startsWith("-")) {
    throw new AppError("usage", `${name} comes before the command.`, {
      hint: "Usage: git heroku <command> [arguments] [options]",
    });
  }
  const { command } = await loadCommand(name);
  if (asksForHelp(rest)) return showHelp([name], world, out);
  return (await command.run(makeContext(world, out, await parseArguments(command, rest), command))) ?? DONE;
}

async function showVersion(_words: readonly string[], world: World, out: Terminal): Promise<number> {
  await out.line(`git-heroku ${world.version()}`);
  return DONE;
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end === -1 ? words : words.slice(0, end)).some((word) => word === "-h" || word === "--help");
}

async function showHelp(words: readonly string[], world: World, out: Terminal): Promise<number> {
  const { help } = await import("./help-command.ts");
  const wanted = words.filter((word) => word !== "-h" && word !== "--help");
  return (await help.run(makeContext(world, out, await parseArguments(help, wanted)))) ?? DONE;
}

/** For the scripts of `git heroku completion`. */
async function showValues(words: readonly string[], world: World, out: Terminal): Promise<number> {
  const { completeValues } = await import("./complete-values.ts");
  await completeValues({ world, out, home: findHome(world.env, world.cwd) }, words);
  return DONE;
}

function makeContext(world: World, out: Terminal, args: Arguments, command?: Command): Context {
  const home = findHome(world.env, world.cwd);
  const choice = { app: appOption(args, command), remote: args.value("remote") };
  let chosen: string | undefined;
  const platform = (): string =>
    (chosen ??=
      command?.isAboutThisMachine === true
        ? home
        : choosePlatform(world, home, { ...choice, server: args.value("server") }));
  const wake = async (): Promise<void> => {
    const { startDaemon } = await import("../api/daemon.ts");
    await startDaemon({ home, script: world.daemonScript, env: world.env });
  };
  return {
    world,
    out,
    args,
    home,
    ...clients(world, { home, platform, wake }),
    get platform() {
      return platform();
    },
    app: () => findApp(world, platform(), choice),
  };
}

/** Some commands take the app as a word too, as Heroku's do.
 *  @throws AppError usage for two apps. */
function appOption(args: Arguments, command: Command | undefined): string | undefined {
  const [word] = command?.parameters === APP_PARAMETER ? args.words : [];
  const option = args.value("app");
  if (command === undefined || word === undefined || option === undefined || word === option) return word ?? option;
  throw usageError(command, `Which one: ${word} or ${option}?`);
}

function report(error: unknown, out: Terminal): number {
  if (error instanceof AppError) {
    out.complain(error);
    return error.id === "usage" ? USAGE : FAILED;
  }
  if ((error as NodeJS.ErrnoException).code === "EPIPE") return DONE;
  out.warn("This is a bug in git-heroku; please report it with what follows.");
  out.note(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return BUG;
}
