/** A log while it grows, and a day of it by command, on a whole platform: how soon a follower sees a line, what a hundred of them cost,
 *  what kills lose, what the command prints and how long that takes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { link, mkdir, readdir, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { poll } from "../support/poll.ts";
import { killUnderOutput } from "../story/spools-lab.ts";
import { openDay, type Day } from "./log-day.ts";
import { shell } from "./log-peers.ts";
import { inPairs, median, ms, timed, times, withContext, type Row } from "./measure.ts";
import { cpuTicks, TICKS_PER_SECOND } from "./process-figures.ts";

const MARK = "sent at ";
const CLOCK = `setInterval(() => console.log("${MARK}" + process.hrtime.bigint()), 3);\n`;
const FOLLOW_MS = 6_000;
/** Of each kind; medians count, as one hiccup of the machine is a whole round's 99th percentile. */
const ROUNDS = 3;
const FOLLOWERS = 100;
const KILLS = 20;
const ACCEPT = "application/vnd.heroku+json; version=3";
const THROWN_LINES = 200_000;
const PAIRS = 5;

export async function benchLogsFollow(): Promise<Row[]> {
  return withContext(async (t) => followers(await startPlatform(t)));
}

export async function benchLogsKills(): Promise<Row[]> {
  return withContext(async (t) => {
    const lines = await killUnderOutput(t, KILLS);
    const what = `logs: lines lost or doubled in ${String(KILLS)} kills, at 20,000 a second`;
    return [{ what, ours: `0 of ${lines.toLocaleString("en")}`, peer: "", ratio: "", limit: "0" }];
  });
}

export async function benchLogsCommand(): Promise<Row[]> {
  return withContext(async (t) => {
    const day = await openDay(process.env["BENCH_CORPUS"] ?? (await t.tempDir()));
    return byCommand(await startPlatform(t), day);
  });
}

async function followers(platform: TestPlatform): Promise<Row[]> {
  const clone = await deployFixture(platform, "loud");
  await writeFile(join(clone, "clock.js"), CLOCK);
  await writeFile(join(clone, "Procfile"), "clock: node clock.js\nworker: node loud.js\n");
  await must(platform, clone, "add", ".");
  await must(platform, clone, "commit", "-q", "-m", "A clock");
  await must(platform, clone, "push", "-q", "production", "main");
  await must(platform, clone, "heroku", "scale", "clock=1", "worker=0");
  await untilUp(platform, "loud", 1);
  const alone = await besideTails(platform);
  await must(platform, clone, "heroku", "scale", "worker=4");
  await untilUp(platform, "loud", 5);
  const crowd = await crowdOf(platform);
  await must(platform, clone, "heroku", "scale", "clock=0", "worker=0");
  return [...alone, crowd, await lastWords(platform, clone)];
}

/** Milliseconds from the printing of each marked line to here. */
class Delays {
  private readonly values: number[] = [];
  private rest = "";

  see(chunk: Buffer): void {
    const now = process.hrtime.bigint();
    // Most of what a crowd gets has no mark: no text is made of it.
    if (this.rest === "" && !chunk.includes(MARK)) return;
    const text = this.rest + chunk.toString("latin1");
    const whole = text.lastIndexOf("\n") + 1;
    this.rest = text.slice(whole).includes(MARK.slice(0, 4)) ? text.slice(whole) : "";
    for (const [, sent] of text.slice(0, whole).matchAll(/sent at (\d+)/g))
      this.values.push(Number(now - BigInt(sent ?? 0)) / 1e6);
  }

  at(share: number): number {
    const sorted = this.values.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  }
}

/** What one read of a socket may bring; one piece of memory for all, as nothing of it is kept. */
const READ_BYTES = 256 * 1024;
const readInto = Buffer.allocUnsafeSlow(READ_BYTES);

/** By the bytes of the answer: a hundred clients in one process must cost it little. */
function follow(platform: TestPlatform, delays: Delays): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const callback = (bytes: number): boolean => {
      delays.see(readInto.subarray(0, bytes));
      resolve(() => void socket.destroy());
      return true;
    };
    const path = join(platform.home, "server.sock");
    const socket = createConnection({ path, onread: { buffer: readInto, callback } });
    socket.on("error", reject);
    socket.write(`GET /apps/loud/logs?tail=true&lines=0 HTTP/1.1\r\nHost: localhost\r\nAccept: ${ACCEPT}\r\n\r\n`);
  });
}

function tail(path: string, delays: Delays): ChildProcess {
  const child = spawn("tail", ["-n", "0", "-f", path], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.on("data", (chunk: Buffer) => delays.see(chunk));
  return child;
}

async function segmentOf(platform: TestPlatform): Promise<string> {
  const logs = join(platform.home, "apps", "loud", "logs");
  const segments = (await readdir(logs)).filter((name) => name.endsWith(".ndjson")).sort();
  return join(logs, segments.at(-1) ?? "");
}

async function spoolOf(platform: TestPlatform): Promise<string> {
  const runs = join(platform.home, "apps", "loud", "run");
  return join(runs, (await readdir(runs)).find((name) => name.startsWith("clock.1")) ?? "", "out");
}

/** Of the segment, where lines are stored as followers get them, which is what the limits are about; and of the file to which the
 *  process prints, before anything else has touched its lines. */
async function besideTails(platform: TestPlatform): Promise<Row[]> {
  return [
    ...(await besideTail(platform, { path: await segmentOf(platform), what: "the segment", limit: "1.5 ×" })),
    ...(await besideTail(platform, { path: await spoolOf(platform), what: "the process's own file", limit: "" })),
  ];
}

interface Tailed {
  path: string;
  what: string;
  limit: string;
}

async function besideTail(platform: TestPlatform, { path, what, limit }: Tailed): Promise<Row[]> {
  const rounds: [Delays, Delays][] = [];
  while (rounds.length < ROUNDS) rounds.push(await roundBeside(platform, path));
  return [0.5, 0.99].map((share) => {
    const [ours, theirs] = [0, 1].map((side) => median(rounds.map((round) => (round[side] as Delays).at(share))));
    return {
      what: `logs: from print to follower, ${share === 0.5 ? "median" : "99th percentile"}`,
      ours: ms(ours ?? 0),
      peer: `${ms(theirs ?? 0)} tail -f of ${what}`,
      ratio: times(ours ?? 0, theirs ?? 0),
      limit,
    };
  });
}

async function roundBeside(platform: TestPlatform, path: string): Promise<[Delays, Delays]> {
  const [ours, theirs] = [new Delays(), new Delays()];
  const stop = await follow(platform, ours);
  const peer = tail(path, theirs);
  await sleep(FOLLOW_MS);
  stop();
  peer.kill();
  await once(peer, "exit");
  return [ours, theirs];
}

async function crowdOf(platform: TestPlatform): Promise<Row> {
  const rounds: { delay: number; cpu: number }[] = [];
  while (rounds.length < ROUNDS) rounds.push(await roundOfCrowd(platform));
  const [delay, cpu] = [median(rounds.map((round) => round.delay)), median(rounds.map((round) => round.cpu))];
  return {
    what: `logs: ${String(FOLLOWERS)} followers of 20,000 lines a second, 99th percentile`,
    ours: `${ms(delay)}, ${(cpu * 100).toFixed(0)} % of a core`,
    peer: "",
    ratio: "",
    limit: "10 ms, 50 %",
  };
}

async function roundOfCrowd(platform: TestPlatform): Promise<{ delay: number; cpu: number }> {
  const delays = new Delays();
  const stops = await Promise.all(Array.from({ length: FOLLOWERS }, () => follow(platform, delays)));
  await sleep(1_000);
  const before = await cpuTicks(platform.pid);
  await sleep(FOLLOW_MS);
  const cpu = ((await cpuTicks(platform.pid)) - before) / TICKS_PER_SECOND / (FOLLOW_MS / 1000);
  for (const stop of stops) stop();
  return { delay: delays.at(0.99), cpu };
}

/** A Node that prints much and then throws. */
async function lastWords(platform: TestPlatform, clone: string): Promise<Row> {
  await must(platform, clone, "heroku", "run:detached", "node", "throws.js");
  const client = platformClient(platform);
  const count = async (search: string): Promise<number> => (await client.logCount("loud", { ps: "run", search })).count;
  await poll(async () => ((await count("Process exited")) === 1 ? true : undefined));
  const [lines, words] = [await count("line "), await count("Error: the last words")];
  return {
    what: `logs: of ${THROWN_LINES.toLocaleString("en")} lines of a Node that then throws`,
    ours: `${lines.toLocaleString("en")}${words > 0 ? ", and its last words" : ""}`,
    peer: "",
    ratio: "",
    limit: "all",
  };
}

/** The day in an app's place, asked by command. */
async function byCommand(platform: TestPlatform, day: Day): Promise<Row[]> {
  const client = platformClient(platform);
  await must(platform, platform.dir, "heroku", "create", "day");
  await client.changeSettings("day", { "log-hot": "off", "log-size": "100GB" });
  await platform.kill();
  const place = join(platform.home, "apps", "day", "logs");
  await mkdir(place, { recursive: true });
  for (const name of await readdir(day.logs))
    if (/\.(ndjson|idx|grm|min)$/.test(name)) await link(join(day.logs, name), join(place, name));
  await platform.start();
  const ask = (command: string): Promise<number> => shell(command, platform.env);
  const files = `${day.logs}/*.ndjson`;
  const needle = day.truth.needles[0]?.text ?? "";
  const rare = `${run(`--search ${needle}`)} | wc -l`;
  const rg = `rg --no-filename -F ${needle} ${files} | wc -l`;
  const drop = (): Promise<number> =>
    ask(`for f in ${day.logs}/*; do dd if=$f iflag=nocache count=0 status=none; done; echo 0`);
  if ((await ask(rare)) !== 1 || (await ask(rg)) !== 1) throw new Error("a rare text is not found");
  const [warm, rgWarm] = await inPairs(
    PAIRS,
    () => timed(() => ask(rare)),
    () => timed(() => ask(rg)),
  );
  const cold = async (command: string): Promise<number> => {
    await drop();
    return timed(() => ask(command));
  };
  const [coldOurs, rgCold] = await inPairs(
    2,
    () => cold(rare),
    () => cold(rg),
  );
  return [
    besideRg("a rare text, by command", warm, rgWarm, "0.9 ×"),
    besideRg("the same, nothing in memory", coldOurs, rgCold, "0.3 ×"),
    await toPipe(day, ask),
    await asText(day, ask),
  ];
}

/** The command that asks the day. */
function run(args: string): string {
  return `git heroku logs --app day ${args}`;
}

function besideRg(what: string, ours: number, peer: number, limit: string): Row {
  return { what: `logs: ${what}`, ours: ms(ours), peer: `${ms(peer)} rg`, ratio: times(ours, peer), limit };
}

type Ask = (command: string) => Promise<number>;

/** All lines of a process, of a part of the day. */
async function toPipe(day: Day, ask: Ask): Promise<Row> {
  const ps = "web.1";
  const wanted = day.truth.processes[ps] ?? 0;
  const ours = `${run(`--ps ${ps} --since 2026-11-20T00:00:00Z --json`)} | wc -l`;
  const peer = `rg --no-filename -F '"ps":"${ps}"' ${day.logs}/*.ndjson | wc -l`;
  const [a, b] = [await timed(() => equal(ask, ours, wanted)), await timed(() => equal(ask, peer, wanted))];
  const what = `logs: ${wanted.toLocaleString("en")} lines of a process to a pipe`;
  return { what, ours: ms(a), peer: `${ms(b)} rg`, ratio: times(a, b), limit: "2 ×" };
}

async function equal(ask: Ask, command: string, wanted: number): Promise<void> {
  const said = await ask(command);
  if (said !== wanted) throw new Error(`${command}: ${String(said)}, not ${String(wanted)}`);
}

const TEXT_LINES = 500_000;

/** The day as text: what the generator wrote, with whole seconds, as `logs` prints them. */
async function asText(day: Day, ask: Ask): Promise<Row> {
  const wanted = `head -n ${String(TEXT_LINES)} ${day.text} | sed -E 's/^(.{19})\\.[0-9]{6}/\\1/'`;
  const ours = `${run("--since 2026-11-20T00:00:00Z --raw")} | head -n ${String(TEXT_LINES)}`;
  const different = await ask(`cmp <(${wanted}) <(${ours}) >&2; echo $?`);
  return {
    what: `logs: ${TEXT_LINES.toLocaleString("en")} lines as text, byte by byte`,
    ours: different === 0 ? "the same" : "DIFFERENT",
    peer: "generator",
    ratio: "",
    limit: "the same",
  };
}
