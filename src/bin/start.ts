#!/usr/bin/env node
/** `npm start`: the platform in the foreground, with a sample app deployed by a real `git push` on the first run.
 *  Ctrl-C stops all that it started, the apps too. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, cp } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { isListening } from "../api/daemon.ts";
import { findHome } from "../api/home.ts";
import { PlatformClient } from "../api/platform-client.ts";
import { writeRemote } from "../clone/remotes.ts";
import { packageRoot } from "./version.ts";

const run = promisify(execFile);
const SAMPLE = "hello";
const PERSON = { name: "Sample", email: "sample@git-heroku" };

const home = findHome(process.env, process.cwd());
const programs = join(packageRoot(), "dist", "bin");
const client = new PlatformClient({ home, identity: () => PERSON });

void main();

async function main(): Promise<void> {
  if (await isListening(home)) {
    const { router_url: url } = await client.platform();
    console.log(`The platform of ${home} is running already, its router at ${url}.`);
    return;
  }
  const daemon = spawn(process.execPath, [join(programs, "platformd.js")], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, GIT_HEROKU_HOME: home },
    // Ctrl-C reaches this process alone; it then asks the daemon to stop with its apps.
    detached: true,
  });
  const ended = once(daemon, "exit");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stopAll(daemon));
  await ready(ended);
  if (process.exitCode === undefined) await showSample();
  await ended;
}

async function ready(ended: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  void ended.then(() => over.abort());
  while (!over.signal.aborted && !(await isListening(home))) await sleep(20);
  if (over.signal.aborted) process.exitCode = 1;
}

async function stopAll(daemon: ChildProcess): Promise<void> {
  console.log("\nStopping the platform and its apps...");
  await client.stopPlatform(true).catch(() => daemon.kill("SIGTERM"));
}

/** Deploys the sample unless an app of its name is there, and says what to try. */
async function showSample(): Promise<void> {
  const apps = await client.apps();
  if (!apps.some((app) => app.name === SAMPLE)) await deploySample();
  const { web_url: url } = await client.app(SAMPLE);
  const command = (await isOnPath("git-heroku")) ? "git heroku" : `node ${join(programs, "git-heroku.js")}`;
  console.log(`
The sample app runs at ${url}  (its code: ${sampleDir()})

In another terminal, try:

  ${command} ps --app ${SAMPLE}
  ${command} logs --tail --app ${SAMPLE}
  ${command} releases --app ${SAMPLE}

Ctrl-C stops the platform and its apps.`);
}

function sampleDir(): string {
  return join(home, "samples", SAMPLE);
}

async function deploySample(): Promise<void> {
  const dir = sampleDir();
  const { git_url: remote } = await client.createApp(SAMPLE);
  await cp(join(packageRoot(), "fixtures", "apps", SAMPLE), dir, { recursive: true });
  const identity = ["-c", `user.name=${PERSON.name}`, "-c", `user.email=${PERSON.email}`];
  const git = (...args: string[]): Promise<unknown> => run("git", ["-C", dir, ...identity, ...args]);
  await git("init", "-q", "-b", "main");
  await git("add", ".");
  await git("commit", "-q", "-m", "The sample app");
  writeRemote({ cwd: dir, env: process.env }, "production", remote);
  console.log("$ git push production main");
  const push = spawn("git", ["-C", dir, "push", "production", "main"], {
    stdio: "inherit",
    env: { ...process.env, GIT_HEROKU_USER: `${PERSON.name} <${PERSON.email}>` },
  });
  await once(push, "exit");
}

async function isOnPath(program: string): Promise<boolean> {
  for (const dir of (process.env["PATH"] ?? "").split(delimiter)) {
    const found = await access(join(dir, program)).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
