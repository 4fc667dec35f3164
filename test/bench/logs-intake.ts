/** Processor time for a million lines that processes print: the store beside the loggers that people take, which write them as they
 *  are behind a stamp. Then what a day takes on the disk, cold. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../src/bin/system-clock.ts";
import { LogStore } from "../../src/logs/log-store.ts";
import { freePort } from "../support/http.ts";
import { poll } from "../support/poll.ts";
import { FOREVER, openDay, type Day } from "./log-day.ts";
import { isThere, shell } from "./log-peers.ts";
import { inPairs, ms, times, withContext, type Row } from "./measure.ts";
import { cpuTicks, TICKS_PER_SECOND } from "./process-figures.ts";

const PAIRS = 3;
/** Start-up is not what is asked about. */
const MILLIONS = 3;
const LINES = MILLIONS * 1_000_000;

interface Logger {
  name: string;
  processes: number;
  limit: string;
  /** A command that reads standard input; `dir` is empty. */
  command: (dir: string) => string;
}

const S6: Omit<Logger, "processes"> = {
  name: "s6-log",
  limit: "0.65 ×",
  command: (dir) => `s6-log -b T s67108864 n100 ${dir}`,
};
const LOGGERS: readonly Logger[] = [
  { ...S6, processes: 1 },
  { ...S6, processes: 20 },
  {
    name: "svlogd",
    processes: 1,
    limit: "0.40 ×",
    command: (dir) => String.raw`printf 's67108864\nn100\n' > ${dir}/config; svlogd -tt -b 65536 ${dir} 2>/dev/null`,
  },
  {
    name: "multilog",
    processes: 1,
    limit: "0.45 ×",
    command: (dir) => `multilog t s16777215 n100 ${dir}`,
  },
];

export async function benchLogsIntake(): Promise<Row[]> {
  return withContext(async (t) => {
    const dir = await t.tempDir();
    const day = await openDay(process.env["BENCH_CORPUS"] ?? (await t.tempDir()));
    const rows: Row[] = [];
    for (const logger of LOGGERS) rows.push(await compare(dir, day, logger));
    rows.push(await besideRsyslog(dir, day));
    rows.push(await coldSize(dir, day));
    return rows;
  });
}

async function compare(dir: string, day: Day, logger: Logger): Promise<Row> {
  const { name, processes, limit } = logger;
  const who = processes === 1 ? "one process" : `${String(processes)} processes`;
  const row = { what: `logs: processor for a million lines of ${who}`, limit };
  const raw = await cutRaw(join(dir, "raw"), day, processes);
  const ours = (): Promise<number> => stored(dir, raw);
  if (!isThere(name)) return { ...row, ours: ms(await ours()), peer: `SKIPPED: no ${name}`, ratio: "" };
  const peer = async (): Promise<number> => {
    const peers = await emptied(join(dir, "peer"));
    const commands = raw.map(async (path, number) => {
      const own = join(peers, String(number));
      await mkdir(own);
      return `{ ${logger.command(own)}; } < ${path} &`;
    });
    return cpuOf(`${(await Promise.all(commands)).join("\n")} wait`) / MILLIONS;
  };
  const [a, b] = await inPairs(PAIRS, ours, peer);
  return { ...row, ours: ms(a), peer: `${ms(b)} ${name}`, ratio: times(a, b) };
}

/** The first lines of the day, in turn over so many files. */
async function cutRaw(dir: string, { raw }: Day, files: number): Promise<string[]> {
  await emptied(dir);
  await shell(`head -n ${String(LINES)} ${raw} | split -n r/${String(files)} -d - ${dir}/p. && echo 0`);
  return (await readdir(dir)).sort().map((name) => join(dir, name));
}

async function emptied(dir: string): Promise<string> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  return dir;
}

/** In a process of its own, which this one's heap does not burden. */
async function stored(dir: string, raw: readonly string[]): Promise<number> {
  const own = await emptied(join(dir, "ours"));
  // A spool is punched as it is read.
  const spools = raw.map((_, number) => join(own, `spool.${String(number)}`));
  await Promise.all(raw.map((path, number) => copyFile(path, spools[number] ?? "")));
  const program = new URL("log-intake.js", import.meta.url).pathname;
  const cpu = cpuOf(`${process.execPath} ${program} ${join(own, "logs")} ${spools.join(" ")}`);
  const lines = await shell(`cat ${join(own, "logs")}/*.ndjson | wc -l`);
  if (lines !== LINES) throw new Error(`${String(lines)} lines were stored`);
  return cpu / MILLIONS;
}

/** User and system time of a command and its children, in ms. */
function cpuOf(command: string): number {
  const timed = spawnSync("bash", ["-c", `TIMEFORMAT='%U %S'; time { ${command}\n}`], { encoding: "utf8" });
  if (timed.status !== 0) throw new Error(`${command}: ${timed.stderr}`);
  const [user = 0, system = 0] = (timed.stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return (user + system) * 1000;
}

/** It takes lines by TCP, and stamps and escapes them as the store does. */
async function besideRsyslog(dir: string, day: Day): Promise<Row> {
  const row = { what: "logs: processor for a million lines of one process", limit: "0.35 ×" };
  const raw = await cutRaw(join(dir, "raw"), day, 1);
  const ours = (): Promise<number> => stored(dir, raw);
  if (!isThere("rsyslogd")) return { ...row, ours: ms(await ours()), peer: "SKIPPED: no rsyslogd", ratio: "" };
  const peer = async (): Promise<number> => rsyslogCpu(await emptied(join(dir, "peer")), raw[0] ?? "");
  const [a, b] = await inPairs(PAIRS, ours, peer);
  return { ...row, ours: ms(a), peer: `${ms(b)} rsyslogd`, ratio: times(a, b) };
}

async function rsyslogCpu(dir: string, raw: string): Promise<number> {
  const port = await freePort();
  const out = join(dir, "out.ndjson");
  await writeFile(join(dir, "rs.conf"), rsyslogConfig(dir, port, out));
  const child = spawn("rsyslogd", ["-n", "-C", "-f", join(dir, "rs.conf"), "-i", join(dir, "pid")], {
    stdio: "ignore",
  });
  try {
    await poll(async () => (await isListening(port)) || undefined);
    await shell(`cat ${raw} > /dev/tcp/127.0.0.1/${String(port)} && echo 0`);
    await poll(async () => (await shell(`wc -l < ${out}`)) >= LINES || undefined);
    return ((await cpuTicks(child.pid ?? 0)) * (1000 / TICKS_PER_SECOND)) / MILLIONS;
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

function rsyslogConfig(dir: string, port: number, out: string): string {
  return `global(workDirectory="${dir}" maxMessageSize="64k")
module(load="imptcp")
template(name="nd" type="list" option.jsonf="on") {
  property(outname="ts" name="timegenerated" dateFormat="rfc3339" format="jsonf")
  property(outname="ps" name="inputname" format="jsonf")
  property(outname="msg" name="rawmsg" format="jsonf")
}
ruleset(name="r" queue.type="linkedList" queue.size="50000" queue.dequeueBatchSize="1024") {
  action(type="omfile" file="${out}" template="nd" flushOnTXEnd="on" ioBufferSize="64k")
}
input(type="imptcp" port="${String(port)}" address="127.0.0.1" ruleset="r" SupportOctetCountedFraming="off")
`;
}

/** Two segments of the day and all that is derived from them, compressed as they are once they are cold. */
async function coldSize(dir: string, { logs }: Day): Promise<Row> {
  const own = await emptied(join(dir, "cold"));
  const names = (await readdir(logs)).filter((name) => name.endsWith(".ndjson")).sort();
  const [first = "", second = ""] = names;
  for (const name of [first, second]) await cp(join(logs, name), join(own, name), { preserveTimestamps: true });
  const store = await LogStore.open({ dir: own, clock: systemClock, retention: { ...FOREVER, hotMs: 0 } });
  await store.caredFor();
  await store.close();
  let cold = 0;
  for (const name of await readdir(own))
    if (name.startsWith(first.slice(0, 23))) cold += (await stat(join(own, name))).size;
  const plain = (await stat(join(logs, first))).size;
  return {
    what: "logs: disk when cold, all told (one segment)",
    ours: `${(cold / 1e6).toFixed(1)} MB`,
    peer: `${(plain / 1e6).toFixed(1)} MB plain`,
    ratio: times(cold, plain),
    limit: "0.30 ×",
  };
}
