/** Many processes: starting them, what stands between the daemon and each, and two hundred that do nothing. Peers are
 *  bare spawns, runit's `runsvdir` and `s6-supervise`. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, readlink, utimes, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deployFixture, platformClient, untilUp } from "../support/deploy.ts";
import { freePort } from "../support/http.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";
import { cpuTicks, residentMb, TICKS_PER_SECOND } from "./process-figures.ts";
import { inPairs, ms, times, withContext, type Row } from "./measure.ts";

const APP = "silent";
const SECONDS = 60;
/** Shared pages count once for all of them, so both sides have as many. */
const WRAPPED = 20;
const SLEEPER = "sleep\x0086400\0";

export async function benchFormation(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, APP);
    await platform.exec("git", ["heroku", "settings:set", "max-per-type=200", "--app", APP]);
    const starts: Row[] = [];
    for (const sandbox of ["on", "off"]) {
      await platform.exec("git", ["heroku", "settings:set", `sandbox=${sandbox}`, "--app", APP]);
      for (const row of [await scaleToTen(platform, clone), await startFifty(t, platform)]) {
        starts.push({ ...row, what: `${row.what}, sandbox ${sandbox}` });
      }
    }
    return [...starts, ...(await wrapperMemory(t, platform)), ...(await twoHundred(platform))];
  });
}

async function scale(platform: TestPlatform, type: string, quantity: number): Promise<void> {
  await platformClient(platform).scale(APP, [{ type, quantity: String(quantity) }]);
}

async function scaleToTen(platform: TestPlatform, clone: string): Promise<Row> {
  const ours = async (): Promise<number> => {
    await scale(platform, "web", 1);
    await untilUp(platform, APP, 1);
    const start = performance.now();
    await scale(platform, "web", 10);
    await untilTenUp(platform);
    return performance.now() - start;
  };
  const [scaled, bare] = await inPairs(5, ours, () => tenBare(clone));
  return {
    what: "scale web 1 → 10, all accepting",
    ours: ms(scaled),
    peer: `${ms(bare)} ten bare spawns`,
    ratio: times(scaled, bare),
    limit: "1.5 ×",
  };
}

/** As `git heroku ps:wait`: asked once, answered when all are up. */
async function untilTenUp(platform: TestPlatform): Promise<void> {
  const client = platformClient(platform);
  const { status, dynos } = await client.waitForDynos(APP, { type: "web", withRun: false, seconds: 60 });
  if (status !== "up" || dynos.length !== 10) throw new Error(`${String(dynos.length)} processes, ${status}`);
}

async function tenBare(dir: string): Promise<number> {
  const ports = await Promise.all(Array.from({ length: 10 }, () => freePort()));
  const start = performance.now();
  const children = ports.map((port) =>
    spawn("node", ["web.js"], {
      cwd: dir,
      env: { PATH: process.env["PATH"] ?? "", PORT: String(port) },
      stdio: "ignore",
    }),
  );
  await Promise.all(ports.map((port) => untilAccepts(port)));
  const elapsed = performance.now() - start;
  await Promise.all(children.map((child) => end(child)));
  return elapsed;
}

function untilAccepts(port: number): Promise<void> {
  return new Promise((resolve) => {
    const ask = (): void => {
      const socket = connect(port, "127.0.0.1");
      socket.on("connect", () => {
        socket.destroy();
        resolve();
      });
      socket.on("error", () => setTimeout(ask, 10));
    };
    ask();
  });
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** Until the machine has so many processes that sleep for a day. To look takes from both sides what they start with, so it is
 *  not done often, and those that were there before and those found already are not looked at again. */
async function untilSleepers(count: number, others: ReadonlySet<string> = new Set()): Promise<void> {
  const found = new Set<string>();
  for (;;) {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && !others.has(name));
    for (const pid of found) if (!pids.includes(pid)) found.delete(pid);
    for (const pid of pids) if (!found.has(pid) && commandOf(pid) === SLEEPER) found.add(pid);
    if (found.size === count) return;
    await sleep(10);
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function runningNow(): ReadonlySet<string> {
  return new Set(readdirSync("/proc"));
}

async function startFifty(t: TestContext, platform: TestPlatform): Promise<Row> {
  await scale(platform, "web", 0);
  const ours = async (): Promise<number> => {
    const others = runningNow();
    const start = performance.now();
    await scale(platform, "worker", 50);
    await untilSleepers(50, others);
    const elapsed = performance.now() - start;
    await scale(platform, "worker", 0);
    await untilSleepers(0);
    return elapsed;
  };
  const services = await makeServices(t, 50);
  // runsvdir waits a second more in most rounds, so the quickest of each side counts.
  const quickest = (values: readonly number[]): number => Math.min(...values);
  const [started, runsvdir] = await inPairs(7, ours, () => viaRunsvdir(services), quickest);
  return {
    what: "50 processes started",
    ours: ms(started),
    peer: `${ms(runsvdir)} runsvdir`,
    ratio: times(started, runsvdir),
    limit: "1.5 ×",
  };
}

async function makeServices(t: TestContext, count: number): Promise<string> {
  const dir = await t.tempDir();
  for (let n = 1; n <= count; n += 1) {
    await mkdir(join(dir, `s${String(n)}`));
    await writeFile(join(dir, `s${String(n)}`, "run"), "#!/bin/sh\nexec sleep 86400\n", { mode: 0o755 });
  }
  return dir;
}

async function viaRunsvdir(services: string): Promise<number> {
  // Of a directory that was changed in the same second it waits for the next one.
  const before = Date.now() / 1000 - 10;
  await utimes(services, before, before);
  const others = runningNow();
  const start = performance.now();
  const child = spawn("runsvdir", ["-P", services], { stdio: "ignore" });
  await untilSleepers(50, others);
  const elapsed = performance.now() - start;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // HUP: runsvdir sends TERM to every runsv, which end their services.
  child.kill("SIGHUP");
  await ended;
  await untilSleepers(0);
  return elapsed;
}

async function wrapperMemory(t: TestContext, platform: TestPlatform): Promise<Row[]> {
  const dir = await makeServices(t, WRAPPED);
  const children = Array.from({ length: WRAPPED }, (_, n) =>
    spawn("s6-supervise", [join(dir, `s${String(n + 1)}`)], { stdio: "ignore" }),
  );
  await untilSleepers(WRAPPED);
  const sizes = await Promise.all(children.map((child) => pssKb(child.pid ?? 0)));
  const peer = sizes.reduce((sum, size) => sum + size, 0) / WRAPPED;
  // TERM: each ends its service and itself.
  const ended = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(ended);
  await untilSleepers(0);
  const rows: Row[] = [];
  for (const [sandbox, limit] of [
    ["off", "1.2 ×"],
    ["on", "2.5 ×"],
  ] as const) {
    await platform.exec("git", ["heroku", "settings:set", `sandbox=${sandbox}`, "--app", APP]);
    await scale(platform, "worker", WRAPPED);
    await untilSleepers(WRAPPED);
    const ours = (await wrappersKb(platform.home)) / WRAPPED;
    const launcher = await launcherKb(platform.pid);
    await scale(platform, "worker", 0);
    await untilSleepers(0);
    rows.push({
      what: `memory beside each process (PSS), sandbox ${sandbox}`,
      ours: `${ours.toFixed(0)} KB`,
      peer: `${peer.toFixed(0)} KB s6-supervise`,
      ratio: times(ours, peer),
      limit,
    });
    const once = `the launcher beside ${String(WRAPPED)} processes (PSS), sandbox ${sandbox}`;
    rows.push({ what: once, ours: `${launcher.toFixed(0)} KB`, peer: "", ratio: "", limit: "" });
  }
  return rows;
}

/** Everything that stands beside a process: it works in the home, or is bwrap. The launcher, which is there once as
 *  `s6-svscan` is, has a row of its own. */
async function wrappersKb(home: string): Promise<number> {
  let sum = 0;
  for (const pid of await shimPids()) {
    const directory = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    if (directory.startsWith(home)) sum += await pssKb(Number(pid));
  }
  for (const pid of await pidsWith((command) => command.includes("bwrap\0") && command.includes(home))) {
    sum += await pssKb(Number(pid));
  }
  return sum;
}

async function launcherKb(daemon: number): Promise<number> {
  let sum = 0;
  for (const pid of await shimPids()) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    if (new RegExp(`\\) \\S ${String(daemon)} `).test(stat)) sum += await pssKb(Number(pid));
  }
  return sum;
}

function shimPids(): Promise<string[]> {
  return pidsWith((command) => command.includes("git-heroku-shim"));
}

async function pidsWith(isWanted: (command: string) => boolean): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return pids.filter((_, index) => isWanted(commands[index] ?? ""));
}

async function pssKb(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${String(pid)}/smaps_rollup`, "utf8").catch(() => "");
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
}

async function twoHundred(platform: TestPlatform): Promise<Row[]> {
  await scale(platform, "worker", 200);
  await untilUp(platform, APP, 200);
  const client = platformClient(platform);
  const before = (await client.dynos(APP, true)).map(({ extended }) => extended?.pid);
  await sleep(5_000);
  const ticks = await cpuTicks(platform.pid);
  await sleep(SECONDS * 1000);
  const percent = (((await cpuTicks(platform.pid)) - ticks) / TICKS_PER_SECOND / SECONDS) * 100;
  const rss = await residentMb(platform.pid);
  await platform.kill();
  const start = performance.now();
  await platform.start();
  await untilUp(platform, APP, 200);
  const adopted = performance.now() - start;
  const after = (await client.dynos(APP, true)).map(({ extended }) => extended?.pid);
  const restarted = after.filter((pid, index) => pid !== before[index]).length;
  await scale(platform, "worker", 0);
  await untilUp(platform, APP, 0);
  const alone = { peer: "", ratio: "" };
  return [
    { what: "daemon with 200 silent processes", ours: `${percent.toFixed(2)} % of a core`, limit: "0.5 %", ...alone },
    { what: "its memory", ours: `${rss.toFixed(0)} MB`, limit: "150 MB", ...alone },
    {
      what: "200 processes adopted after a kill, from the new daemon's start",
      ours: `${ms(adopted)}, ${String(restarted)} restarted`,
      limit: "2 s, 0 restarted",
      ...alone,
    },
  ];
}
