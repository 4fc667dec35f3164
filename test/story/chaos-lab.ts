/** Chaos: changes go on while everything that can be killed is killed at moments of chance. Afterwards what runs is what
 *  the ledger says, nothing is left over, and every line of every process is in the log once. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import { sendSignal } from "../../src/formation/process-table.ts";
import { checkConverged, untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient } from "../support/deploy.ts";
import { startLoad } from "../support/load.ts";
import { isAlive, processesOf, startPlatform, untilGone, type TestPlatform } from "../support/platform.ts";
import { commitChange } from "../support/push.ts";
import type { TestContext } from "../support/suite.ts";

const APP = "served";

export interface ChaosReport {
  changes: number;
  /** What was killed, in order, such as `daemon`. */
  kills: string[];
  lines: number;
}

type Random = () => number;

/** Park and Miller's minimal standard, so that a run can be had again by its seed. */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state * 48_271) % 0x7f_ff_ff_ff;
    return state / 0x7f_ff_ff_ff;
  };
}

function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

export async function chaos(t: TestContext, rounds: number, seed: number): Promise<ChaosReport> {
  const platform = await startPlatform(t);
  const clone = await deployFixture(platform, APP);
  await must(platform, clone, "heroku", "config:add", "EVERY_MS=20");
  await must(platform, clone, "heroku", "scale", "web=2", "worker=2");
  await checkConverged(platform, APP);
  const random = seeded(seed);
  const load = startLoad({ port: platform.routerPort, host: `${APP}.localhost`, visitors: 4 });
  t.after(() => load.stop());
  const kills: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const change = makeChange(platform, clone, random, round);
    // The moment is what chance decides here; nothing is waited for.
    await sleep(random() * 400);
    const victim = await findVictim(platform, random);
    if (victim !== undefined && (await kill(victim, platform))) kills.push(victim.what);
    await change;
    await platform.wake();
  }
  await load.stop();
  await checkConverged(platform, APP);
  return { changes: rounds, kills, lines: await checkLines(platform, clone) };
}

/** May be refused or cut short by what is killed: then it happened whole or not at all, which the end shows. */
async function makeChange(platform: TestPlatform, clone: string, random: Random, round: number): Promise<void> {
  const heroku = (...words: string[]): Promise<unknown> => platform.exec("git", ["heroku", ...words], { cwd: clone });
  const changes = [
    async () => {
      await commitChange(platform, clone, `round ${String(round)}`);
      return platform.exec("git", ["push", "-q", "production", "main"], { cwd: clone });
    },
    () => heroku("rollback"),
    () => heroku("config:add", `ROUND=${String(round)}`),
    () => heroku("scale", `web=${String(1 + Math.floor(random() * 3))}`),
    () => heroku("restart", "worker"),
  ];
  await pick(random, changes)?.();
}

interface Victim {
  what: string;
  /** Undefined: a visitor's connection. */
  pid?: number;
}

/** Resolves with whether it was still there. */
async function kill({ what, pid }: Victim, platform: TestPlatform): Promise<boolean> {
  if (pid === undefined) await breakOff(platform);
  else if (!sendSignal(pid, "SIGKILL")) return false;
  // A dying daemon still answers; one that is gone does not.
  else if (what === "daemon") await untilGone(pid);
  return true;
}

/** A visitor who is gone in the middle of an upload. */
async function breakOff(platform: TestPlatform): Promise<void> {
  const socket = connect(platform.routerPort, "127.0.0.1").on("error", () => undefined);
  socket.write(`POST /slow HTTP/1.1\r\nHost: ${APP}.localhost\r\nContent-Length: 100\r\n\r\nhalf`, () =>
    socket.resetAndDestroy(),
  );
  await once(socket, "close");
}

/** The daemon, a hook, a shim or the bubblewrap that it became, a process of the app, or a connection to the router. */
async function findVictim(platform: TestPlatform, random: Random): Promise<Victim | undefined> {
  const ours = await processesOf(platform.home);
  const shims = ours.filter(({ command }) => /git-heroku-shim|bwrap /.test(command));
  const hooks = ours.filter(({ command }) => /hooks\/(proc|post)-receive/.test(command));
  const dynos = await platformClient(platform)
    .dynos(APP, true)
    .catch(() => []);
  const candidates: Victim[][] = [
    [{ what: "connection" }],
    [{ what: "daemon", pid: platform.pid }],
    hooks.map(({ pid }) => ({ what: "hook", pid })),
    shims.map(({ pid }) => ({ what: "shim", pid })),
    dynos.flatMap(({ name, extended }) =>
      typeof extended?.pid === "number" ? [{ what: name, pid: extended.pid }] : [],
    ),
  ].filter((kind) => kind.length > 0);
  const victim = pick(random, pick(random, candidates) ?? []);
  return victim?.pid === undefined || (await isAlive(victim.pid)) ? victim : undefined;
}

/** Workers number their lines, and give themselves a name. */
async function checkLines(platform: TestPlatform, clone: string): Promise<number> {
  await must(platform, clone, "heroku", "scale", "web=0", "worker=0");
  await untilSame(0, async () => (await platformClient(platform).dynos(APP)).length);
  const log = await must(platform, clone, "heroku", "logs", "--ps", "worker", "--source", "app", "-n", "1000000");
  const seen = new Map<string, number[]>();
  for (const [, pid = "", line] of log.matchAll(/app\[worker\.\d\]: (\d+) line (\d+)/g)) {
    seen.set(pid, [...(seen.get(pid) ?? []), Number(line)]);
  }
  assert.ok(seen.size >= 2, "workers wrote");
  for (const [pid, lines] of seen) {
    assert.equal(
      lines,
      lines.map((_, index) => index + 1),
      `lines of ${pid}`,
    );
  }
  return [...seen.values()].reduce((sum, lines) => sum + lines.length, 0);
}
