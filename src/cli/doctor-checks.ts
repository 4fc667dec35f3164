/** What `doctor` can tell without the platform: whether this machine has what git-heroku needs. */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import type { DoctorCheck } from "../api/resources.ts";
import type { Environment } from "../api/home.ts";

/** proc-receive and the refs protocol that the ledger uses are all there from 2.36 on. */
const GIT_NEEDED = [2, 36];
const NODE_NEEDED = [20, 19];
const ROUTER_PORT = { what: "router port", variable: "GIT_HEROKU_ROUTER_PORT", usual: 5000 };
const API_PORT = { what: "api port", variable: "GIT_HEROKU_API_PORT", usual: 5001 };

export interface Machine {
  env: Environment;
  home: string;
  /** The router of this home listens on the port. */
  portIsOurs: boolean;
  /** The daemon runs, and has its own port. */
  isRunning: boolean;
}

export async function checkMachine(machine: Machine): Promise<DoctorCheck[]> {
  const { env } = machine;
  const node = checkVersion("node", process.versions.node, NODE_NEEDED);
  const others = await Promise.all([
    checkGit(env),
    checkHome(machine.home),
    checkHookClient(env),
    checkProgram(env, "bash", "without it the commands of a Procfile are run by sh"),
    checkProgram(env, "fallocate", "without it the disk space of read output is freed only when a process ends"),
    ...(machine.portIsOurs ? [] : [checkPort(env, ROUTER_PORT)]),
    ...(machine.isRunning ? [] : [checkPort(env, API_PORT)]),
  ]);
  return [node, ...others];
}

async function checkGit(env: Environment): Promise<DoctorCheck> {
  const words = await new Promise<string>((settle) => {
    execFile("git", ["--version"], { env: { PATH: env["PATH"] } }, (_error, stdout) => settle(stdout));
  });
  const version = /[0-9]+\.[0-9]+[0-9.]*/.exec(words)?.[0];
  if (version === undefined) return problem("error", "git", "not found", "Install git 2.36 or newer.");
  return checkVersion("git", version.replace(/\.$/, ""), GIT_NEEDED);
}

function checkVersion(name: string, version: string, needed: readonly number[]): DoctorCheck {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = needed;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return fine(name, version);
  return problem("error", name, `${version} is too old`, `Install ${name} ${needed.join(".")} or newer.`);
}

/** The home may not exist yet: then the nearest directory above it decides. */
async function checkHome(home: string): Promise<DoctorCheck> {
  let directory = home;
  for (;;) {
    try {
      await access(directory, constants.W_OK | constants.X_OK);
      return fine("home", directory === home ? home : `${home} (not made yet)`);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (isMissing && directory !== dirname(directory)) directory = dirname(directory);
      else return problem("error", "home", `${home} cannot be written`, "Set GIT_HEROKU_HOME to a directory of yours.");
    }
  }
}

/** The git hooks speak to the platform's socket with the first of these; node is the slow way. */
async function checkHookClient(env: Environment): Promise<DoctorCheck> {
  for (const program of ["nc", "perl"])
    if (await isOnPath(env, program)) return fine("hooks", `speak through ${program}`);
  return problem("warning", "hooks", "speak through node, which is slow", "Install netcat-openbsd or perl.");
}

async function checkProgram(env: Environment, program: string, without: string): Promise<DoctorCheck> {
  if (await isOnPath(env, program)) return fine(program, "found");
  return problem("warning", program, `not found: ${without}`, `Install ${program}.`);
}

async function isOnPath(env: Environment, program: string): Promise<boolean> {
  for (const directory of (env["PATH"] ?? "").split(delimiter)) {
    if (directory === "") continue;
    const found = await access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

async function checkPort(env: Environment, { what, variable, usual }: typeof API_PORT): Promise<DoctorCheck> {
  const chosen = env[variable] ?? "";
  const port = chosen === "" ? usual : Number(chosen);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return problem("error", what, `${variable}=${chosen} is no port`, "Set it to a number from 0 to 65535.");
  }
  if (await canListen(port)) return fine(what, port === 0 ? "any free one" : String(port));
  const level = chosen === "" ? "warning" : "error";
  return problem(level, what, `${String(port)} is taken`, `Set ${variable} to another one, or to 0 for any free one.`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const probe = createServer();
    probe.once("error", () => settle(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => settle(true)));
  });
}

function fine(name: string, message: string): DoctorCheck {
  return { name, ok: true, level: "ok", message };
}

function problem(level: "warning" | "error", name: string, message: string, hint: string): DoctorCheck {
  return { name, ok: false, level, message, hint };
}
