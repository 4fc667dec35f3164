/** `git heroku proxy` */
import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProxyDoor } from "../../api/proxy-door.ts";
import { AppError } from "../../core/error.ts";
import { formatExports, herokuVariables } from "../../core/heroku-env.ts";
import { displayPlatform } from "../../core/platform-address.ts";
import { APP_OPTIONS, SERVER_OPTION, type Command, type Context } from "../command.ts";
import { appIfAny, SHELL_OPTION, shellOf } from "../heroku-words.ts";
import { Interruption, signalStatus } from "../interruption.ts";
import { usageError } from "../parse-arguments.ts";

/** 256 bits. */
const TOKEN_BYTES = 32;
const PORT_MAX = 65_535;

export const proxy: Command = {
  name: "proxy",
  topic: "Access",
  summary: "Lead Heroku's own command line to a platform elsewhere",
  details:
    "Listens on 127.0.0.1 and hands on what comes, over SSH, as you. Prints what `git heroku heroku-env` prints, with a token that opens this door and nothing else and is gone with it: the other users of this machine cannot use it. Goes on until Ctrl-C, or until the command after -- has ended.",
  options: [
    ...APP_OPTIONS,
    SERVER_OPTION,
    { name: "port", short: "p", value: "NUMBER", summary: "of the door; usually any free one" },
    SHELL_OPTION,
  ],
  trailing: "command",
  examples: [
    { command: "git heroku proxy -- heroku releases", summary: "one command" },
    { command: "git heroku proxy", summary: "until Ctrl-C; evaluate what it prints in another terminal" },
  ],
  async run(context) {
    const { args, out, platform } = context;
    const shell = shellOf(context, proxy);
    const port = portOf(args.value("port"));
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const door = await open(context, { token, port });
    const directory = await mkdtemp(join(tmpdir(), "git-heroku-proxy-"));
    try {
      const certificate = await certificateIn(directory, context);
      const variables = variablesOf(context, { apiUrl: door.url, token, certificate });
      if (args.trailing.length > 0) return await runWith(context, variables);
      await out.write(formatExports(variables, shell));
      out.note(`The door ${door.url} leads to ${displayPlatform(platform)}. Ctrl-C shuts it.\n`);
      return await untilInterrupted();
    } finally {
      await door.close();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function open({ client }: Context, wanted: { token: string; port: number }): Promise<ProxyDoor> {
  // Whoever cannot come in is told so now, not by the first command that tries.
  await client.access.account();
  try {
    return await ProxyDoor.open(client.line, wanted);
  } catch (error) {
    throw new AppError("conflict", `The door cannot be opened: ${(error as Error).message}`, {
      hint: "Choose another port with --port, or leave it out.",
      cause: error,
    });
  }
}

function portOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,5}$/.test(text) && Number(text) <= PORT_MAX) return Number(text);
  throw usageError(proxy, `${JSON.stringify(text)} is no port`);
}

/** What `heroku run` has to trust, as a file. Node reads one: whoever has set one needs it for other things. */
async function certificateIn(directory: string, { client, world }: Context): Promise<string | undefined> {
  if ((world.env["NODE_EXTRA_CA_CERTS"] ?? "") !== "") return undefined;
  const file = join(directory, "certificate.pem");
  await writeFile(file, await client.access.certificate(), { mode: 0o600 });
  return file;
}

interface Opened {
  apiUrl: string;
  token: string;
  certificate: string | undefined;
}

function variablesOf(context: Context, { apiUrl, token, certificate }: Opened): Map<string, string> {
  const { NO_PROXY: noProxy = context.world.env["no_proxy"] ?? "" } = context.world.env;
  return herokuVariables({ apiUrl, token, app: appIfAny(context), certificate, noProxy });
}

/** Ctrl-C reaches the command too, which decides. */
async function runWith({ args, world }: Context, variables: ReadonlyMap<string, string>): Promise<number> {
  const [command = "", ...words] = args.trailing;
  const interruption = new Interruption();
  try {
    const child = spawn(command, words, {
      cwd: world.cwd,
      env: { ...world.env, ...Object.fromEntries(variables) },
      stdio: "inherit",
    });
    const [status, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return status ?? signalStatus(signal ?? "SIGTERM");
  } catch (error) {
    throw new AppError("not_found", `${command} cannot be run: ${(error as Error).message}`);
  } finally {
    interruption.close();
  }
}

async function untilInterrupted(): Promise<number> {
  const interruption = new Interruption();
  // The door keeps the program alive.
  if (!interruption.asked.aborted) await once(interruption.asked, "abort");
  interruption.close();
  return 0;
}
