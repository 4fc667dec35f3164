/** One run of `git heroku`: words in, text and an exit status out. Status 0 done (also when the reader closed the pipe),
 *  1 refused or failed, 2 a mistake in the words, 70 a bug. */
import { findHome } from "../api/home.ts";
import { PlatformClient } from "../api/platform-client.ts";
import { choosePlatform, type PlatformChoice } from "../clone/choose-platform.ts";
import { tokenFor } from "../clone/credential.ts";
import { findApp } from "../clone/find-app.ts";
import { findIdentity } from "../clone/identity.ts";
import { AppError } from "../core/error.ts";
import type { Person } from "../core/person.ts";
import { isUrl } from "../core/platform-address.ts";
import type { Arguments, Context, World } from "./command.ts";
import { loadCommand } from "./command-list.ts";
import { parseArguments } from "./parse-arguments.ts";
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
  const args = await parseArguments(command, rest);
  const local = findHome(world.env, world.cwd);
  const isElsewhere = command.topic !== "Platform" && command.topic !== "Help";
  const home = isElsewhere ? choosePlatform(world, local, choiceOf(args)) : local;
  return (await command.run(makeContext(world, out, { args, home }))) ?? DONE;
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
  const args = await parseArguments(help, wanted);
  return (await help.run(makeContext(world, out, { args, home: findHome(world.env, world.cwd) }))) ?? DONE;
}

/** For the scripts of `git heroku completion`. */
async function showValues(words: readonly string[], world: World, out: Terminal): Promise<number> {
  const { completeValues } = await import("./complete-values.ts");
  const home = choosePlatform(world, findHome(world.env, world.cwd), {});
  await completeValues({ world, out, home }, words);
  return DONE;
}

function choiceOf(args: Arguments): PlatformChoice {
  return { server: args.value("server"), remote: args.value("remote") };
}

function makeContext(world: World, out: Terminal, { args, home }: { args: Arguments; home: string }): Context {
  const identity = (): Person => findIdentity(world);
  const wake = async (): Promise<void> => {
    const { startDaemon } = await import("../api/daemon.ts");
    await startDaemon({ home, script: world.daemonScript, env: world.env });
  };
  const token = tokenFor(world, home);
  const client = new PlatformClient({ home, identity, token, ...(!isUrl(home) && { wake }) });
  return {
    world,
    out,
    args,
    home,
    client,
    quietClient: new PlatformClient({ home, identity, token }),
    app: () => findApp(world, home, { app: args.value("app"), remote: args.value("remote") }),
  };
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
