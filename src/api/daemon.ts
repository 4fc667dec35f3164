/** Starting the platform's daemon when a command finds nobody on its socket: detached from the terminal, its words in
 *  `platform.log` of the home. Two commands may do this at once; the daemon itself makes sure that one of the two wins. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, open, readFile, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ALREADY_SERVED } from "../core/daemon-status.ts";
import { AppError } from "../core/error.ts";
import type { Environment } from "./home.ts";
import type { RouterInfo } from "./resources.ts";
import { openSocketAddress } from "./socket-address.ts";

export interface DaemonProgram {
  home: string;
  /** The daemon's script. */
  script: string;
  env: Environment;
  /** How long it may take until it listens; 30 s unless told. */
  timeoutMs?: number;
}

/** It takes half a second, on a small machine that has just booted many times as long. */
const START_TIMEOUT_MS = 30_000;
const RETRY_MS = 20;
const LOG_TAIL_LINES = 5;
const LOG_TAIL_BYTES = 4096;

/** What the daemon may know of the caller's environment, by name: it serves every later caller too. */
const INHERITED = new Set(
  "PATH HOME USER LOGNAME SHELL LANG LC_ALL LC_CTYPE TZ TMPDIR XDG_CONFIG_HOME XDG_RUNTIME_DIR HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR npm_config_registry npm_config_cache npm_config_cafile".split(
    " ",
  ),
);

/** The person and their secrets are not the daemon's to keep. */
const PERSONAL = new Set(["USER", "PASSPHRASE", "TOKEN", "SERVER", "VIA"].map((name) => `GIT_HEROKU_${name}`));

export function daemonEnvironment(env: Environment, home: string): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      (INHERITED.has(entry[0]) || (entry[0].startsWith("GIT_HEROKU_") && !PERSONAL.has(entry[0]))),
  );
  return { ...Object.fromEntries(kept), GIT_HEROKU_HOME: home };
}

/** @throws AppError unavailable, with the daemon's last words as the hint. */
export async function startDaemon(program: DaemonProgram): Promise<void> {
  await makeHome(program.home);
  await refuseManaged(program.home);
  const log = await open(join(program.home, "platform.log"), "a", 0o600);
  const logStart = (await log.stat()).size;
  const daemon = spawn(process.execPath, [program.script], {
    cwd: program.home,
    env: daemonEnvironment(program.env, program.home),
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  const failed = new Promise<void>((settle) => daemon.on("error", () => settle()).on("exit", () => settle()));
  await log.close();
  try {
    if (await waitUntilListening(program, daemon, failed)) return;
  } finally {
    daemon.unref();
  }
  throw await explainFailure(program.home, logStart, daemon.exitCode);
}

/** A daemon beside systemd's would not be started again, and would keep systemd's from starting.
 *  @throws AppError unavailable */
export async function refuseManaged(home: string): Promise<void> {
  const service = await readFile(join(home, "managed"), "utf8").catch(() => undefined);
  if (service === undefined) return;
  throw new AppError("unavailable", "This platform is started and stopped by systemd.", {
    hint: `As root: systemctl restart ${service.trim()}`,
  });
}

async function makeHome(home: string): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError("unavailable", `The platform's home ${home} cannot be made.`, {
      hint: `${error instanceof Error ? error.message : String(error)}. Set GIT_HEROKU_HOME to a directory of yours.`,
      cause: error,
    });
  }
}

async function waitUntilListening(
  program: DaemonProgram,
  daemon: ChildProcess,
  failed: Promise<void>,
): Promise<boolean> {
  let deadline = performance.now() + (program.timeoutMs ?? START_TIMEOUT_MS);
  let hasEnded = false;
  void failed.then(() => {
    hasEnded = true;
    // Whoever has won the race is waited for as long.
    if (daemon.exitCode !== ALREADY_SERVED) deadline = performance.now();
    return undefined;
  });
  for (;;) {
    if (await isListening(program.home)) return true;
    if (performance.now() >= deadline) return false;
    await (hasEnded ? sleep(RETRY_MS) : Promise.race([sleep(RETRY_MS), failed]));
  }
}

/** The router process that serves the home, which it does without the daemon too; undefined when there is none. */
export async function findRouter(home: string): Promise<RouterInfo | undefined> {
  try {
    const about = JSON.parse(await readFile(join(home, "router.json"), "utf8")) as RouterInfo & { id: string };
    const { pid, port, version, started_at } = about;
    return (await isListening(home, `router/${about.id}.sock`)) ? { pid, port, version, started_at } : undefined;
  } catch (error) {
    if (error instanceof AppError) throw error;
    return undefined;
  }
}

/** Whether somebody accepts connections on a socket of the home. */
export async function isListening(home: string, name?: string): Promise<boolean> {
  let address;
  try {
    address = openSocketAddress(home, name);
  } catch (error) {
    if (error instanceof AppError) throw error;
    return false;
  }
  const { path, release } = address;
  return new Promise((settle) => {
    const socket = createConnection(path);
    const end = (listening: boolean): void => {
      socket.destroy();
      release();
      settle(listening);
    };
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}

async function explainFailure(home: string, logStart: number, exitCode: number | null): Promise<AppError> {
  const words = await readLog(home, { from: logStart, lines: LOG_TAIL_LINES, bytesMax: LOG_TAIL_BYTES });
  const what = exitCode === null ? "did not answer in time" : `ended with status ${String(exitCode)}`;
  return new AppError("unavailable", `The platform could not be started: it ${what}.`, {
    hint: words === "" ? `Look into ${join(home, "platform.log")}.` : `Its last words:\n${words.trimEnd()}`,
  });
}

export interface LogRange {
  /** Bytes before this one are not looked at. */
  from: number;
  lines: number;
  bytesMax: number;
}

/** The last lines of the platform's own log, oldest first; empty when there is none. */
export async function readLog(home: string, range: LogRange): Promise<string> {
  const path = join(home, "platform.log");
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  const start = Math.max(range.from, size - range.bytesMax);
  if (start >= size) return "";
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.subarray(0, bytesRead).toString("utf8").trimEnd().split("\n");
    return lines
      .slice(-range.lines)
      .map((line) => `${line}\n`)
      .join("");
  } finally {
    await file.close();
  }
}
