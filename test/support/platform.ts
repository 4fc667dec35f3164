/** A whole platform in a temporary home: the built daemon on free ports, real git, real processes. When the test ends
 *  it is stopped with all its apps, and the test fails if a process of it is left. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PlatformClient } from "../../src/api/platform-client.ts";
import { poll } from "./poll.ts";
import type { TestContext } from "./suite.ts";

const run = promisify(execFile);
const PROGRAMS = fileURLToPath(new URL("../../bin", import.meta.url));
const SESSION_TOOLS = fileURLToPath(new URL("session-tools.js", import.meta.url));
export const FIXTURES = fileURLToPath(new URL("../../../fixtures/apps", import.meta.url));

export interface TestPlatform {
  /** GIT_HEROKU_HOME */
  home: string;
  /** A directory for clones. */
  dir: string;
  /** The first directory on everybody's PATH, so processes in a sandbox see it too. */
  bin: string;
  /** What every command of the test runs with: an own PATH, HOME and identity, nothing of the machine's. */
  env: Record<string, string>;
  routerPort: number;
  pid: number;
  /** Starts the daemon again, after it was stopped or killed. */
  start(): Promise<void>;
  /** Like `start`, or finds the daemon that a hook has started meanwhile. */
  wake(): Promise<void>;
  /** Resolves when the daemon's process is gone; its apps run on. */
  kill(): Promise<void>;
  /** Runs a program to its end. Never rejects. */
  exec(command: string, args: string[], options?: { cwd?: string; env?: Record<string, string> }): Promise<ExecResult>;
}

export interface ExecResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** @param more of the environment of the daemon and all commands */
export async function startPlatform(t: TestContext, more: Record<string, string> = {}): Promise<TestPlatform> {
  const root = await t.tempDir();
  const [home, dir, bin, user] = ["home", "work", "bin", "user"].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const path of [dir, bin, user]) await mkdir(path);
  // Whatever umask the tests have: processes of apps may be users of their own.
  await chmod(bin, 0o755);
  await symlink(join(PROGRAMS, "git-heroku.js"), join(bin, "git-heroku"));
  for (const tool of ["visit", "until-ps", "until-served"]) {
    await writeFile(join(bin, tool), `#!/bin/sh\nexec node ${SESSION_TOOLS} ${tool} "$@"\n`, { mode: 0o755 });
  }
  await writeFile(
    join(user, ".gitconfig"),
    "[user]\n\tname = Rick\n\temail = rick@foobazco.com\n[advice]\n\tdetachedHead = false\n",
  );
  const env = { ...testEnvironment({ home, bin, user }), ...more };
  const platform: TestPlatform = {
    home,
    dir,
    bin,
    env,
    routerPort: 0,
    pid: 0,
    async start() {
      Object.assign(platform, await startDaemon(home, env));
    },
    async wake() {
      const result = await platform.exec("git", ["heroku", "server:start"]);
      if (result.status !== 0) throw new Error(result.stderr);
      const about = JSON.parse(await readFile(join(home, "server.json"), "utf8")) as ServerFile;
      Object.assign(platform, describeDaemon(about));
    },
    async kill() {
      process.kill(platform.pid, "SIGKILL");
      await untilGone(platform.pid);
    },
    exec: (command, args, options = {}) =>
      exec(command, args, { cwd: options.cwd ?? dir, env: { ...env, ...options.env } }),
  };
  t.after(async () => {
    await stopAll(platform);
  });
  await platform.start();
  return platform;
}

/** The platform that the tests of a suite have in common, as one of them sees it: without apps, with a directory of its
 *  own for clones. Its apps go with the test, and the daemon runs again afterwards. */
export async function borrowPlatform(t: TestContext, common: () => Promise<TestPlatform>): Promise<TestPlatform> {
  const owner = await common();
  const dir = join(await mkdtemp(join(owner.dir, "test-")), "work");
  await mkdir(dir);
  t.after(async () => {
    if (!(await isAlive(owner.pid))) await owner.wake();
    const client = new PlatformClient({
      home: owner.home,
      identity: () => ({ name: "Rick", email: "rick@foobazco.com" }),
    });
    for (const { name } of await client.apps()) await client.destroyApp(name);
  });
  const borrowed = Object.create(owner) as TestPlatform;
  const exec: TestPlatform["exec"] = (command, args, options) => owner.exec(command, args, { cwd: dir, ...options });
  return Object.assign(borrowed, { dir, exec });
}

function testEnvironment(places: { home: string; bin: string; user: string }): Record<string, string> {
  return {
    GIT_HEROKU_HOME: places.home,
    GIT_HEROKU_ROUTER_PORT: "0",
    GIT_HEROKU_API_PORT: "0",
    PATH: `${places.bin}:${process.env["PATH"] ?? "/usr/bin:/bin"}`,
    HOME: places.user,
    TZ: "UTC",
    LC_ALL: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
  };
}

/** The daemon says that it is ready by writing server.json, with its own pid in it. */
async function startDaemon(home: string, env: Record<string, string>): Promise<{ pid: number; routerPort: number }> {
  const child = spawn(process.execPath, [join(PROGRAMS, "platformd.js")], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, "exit").then(() => {
    throw new Error(`The daemon ended: ${output}`);
  });
  ended.catch(() => undefined);
  const about = await Promise.race([waitForServer(home, child.pid ?? 0), ended]);
  for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref?: () => void }).unref?.();
  child.unref();
  return describeDaemon(about);
}

interface ServerFile {
  pid: number;
  router: string;
}

function describeDaemon(about: ServerFile): { pid: number; routerPort: number } {
  return { pid: about.pid, routerPort: Number(new URL(about.router).port) };
}

function waitForServer(home: string, pid: number): Promise<ServerFile> {
  return poll(async () => {
    try {
      const about = JSON.parse(await readFile(join(home, "server.json"), "utf8")) as ServerFile;
      return about.pid === pid ? about : undefined;
    } catch {
      // Not there yet, or of the daemon before.
      return undefined;
    }
  });
}

async function stopAll(platform: TestPlatform): Promise<void> {
  await platform.exec("git", ["heroku", "server:stop", "--apps"]);
  await untilGone(platform.pid);
  const left = await processesOf(platform.home);
  for (const { pid } of left) process.kill(pid, "SIGKILL");
  if (left.length > 0)
    throw new Error(
      `Processes left: ${left.map((one) => `${String(one.pid)} ${one.command.slice(0, 200)}`).join("; ")}`,
    );
}

/** Processes that stand in the home, or name it on their command line. */
export async function processesOf(home: string): Promise<{ pid: number; command: string }[]> {
  const found = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const [command, cwd] = await Promise.all([
      readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => ""),
      readlink(`/proc/${entry}/cwd`).catch(() => ""),
    ]);
    if (command.includes(home) || cwd.startsWith(home))
      found.push({ pid: Number(entry), command: command.replaceAll("\0", " ") });
  }
  return found;
}

export async function untilGone(pid: number): Promise<void> {
  await poll(async () => ((await isAlive(pid)) ? undefined : true));
}

/** Whether a thread of it is left: until then its sockets and locks are there. Whoever has to see that it is dead may
 *  take their time. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8").catch(() => "");
  const threads = await readdir(`/proc/${String(pid)}/task`).catch(() => []);
  return stat !== "" && (!/\) [ZX] /.test(stat) || threads.length > 1);
}

async function exec(
  command: string,
  args: string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<ExecResult> {
  try {
    const { stdout, stderr } = await run(command, args, { ...options, maxBuffer: 64 * 1024 * 1024 });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: unknown; stdout?: string; stderr?: string };
    return {
      status: typeof failed.code === "number" ? failed.code : 1,
      stdout: failed.stdout ?? "",
      stderr: failed.stderr ?? String(error),
    };
  }
}
