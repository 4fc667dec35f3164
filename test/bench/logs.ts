/** The log of a day, a gigabyte of it from a seed, asked of the store and of the tools that people would take instead, over the
 *  same lines. Every answer is checked against what the generator knows, else there is nothing to compare.
 *  `BENCH_CORPUS=DIR` keeps the day there for the next run. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { copyFile, mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/bin/system-clock.ts";
import { LogStore } from "../../src/logs/log-store.ts";
import type { LogQuery, LogStoreOptions } from "../../src/logs/log-store.ts";
import type { TestContext } from "../support/suite.ts";
import { RARE, START_US, writeCorpus, type CorpusFacts } from "./log-corpus.ts";
import { inPairs, ms, timed, times, withContext, type Row } from "./measure.ts";

const PAIRS = 5;
const BYTES = 1_120_000_000;
const SEGMENT_BYTES = 64 * 1024 * 1024;
const RAW_LINES = 1_000_000;
const MINUTE = "2026-11-20T17:31";
const MINUTE_US = START_US + (17 * 60 + 31) * 60_000_000;
const FOREVER = { bytesMax: Number.POSITIVE_INFINITY, ageMsMax: Number.POSITIVE_INFINITY };

type Facts = Omit<CorpusFacts, "perMinute" | "perProcess"> & { cells: number; inMinute: number; rare: number };

interface Day {
  logs: string;
  raw: string;
  facts: Facts;
}

export async function benchLogs(): Promise<Row[]> {
  return withContext(async (t) => {
    const day = await makeDay(process.env["BENCH_CORPUS"] ?? (await t.tempDir()));
    const rows = await queries(day);
    rows.push(await coldSize(t, day));
    rows.push(...(await ingest(t, day)));
    return rows;
  });
}

async function makeDay(dir: string): Promise<Day> {
  const [logs, raw, known] = ["logs", "raw", "facts.json"].map((name) => join(dir, name)) as [string, string, string];
  if (existsSync(known)) return { logs, raw, facts: JSON.parse(await readFile(known, "utf8")) as Facts };
  await mkdir(dir, { recursive: true });
  const fd = openSync(raw, "w");
  let lines: string[] = [];
  let left = RAW_LINES;
  const flush = (): void => {
    writeSync(fd, lines.join(""));
    lines = [];
  };
  const each = ({ msg }: { msg: string }): void => {
    if (left <= 0) return;
    left -= 1;
    lines.push(`${msg}\n`);
    if (lines.length >= 10_000) flush();
  };
  const { perMinute, perProcess, ...rest } = writeCorpus({
    dir: logs,
    bytes: BYTES,
    seed: 1,
    segmentBytes: SEGMENT_BYTES,
    each,
  });
  flush();
  closeSync(fd);
  const inMinute = [...perMinute].reduce((sum, [cell, count]) => (cell.startsWith(MINUTE) ? sum + count : sum), 0);
  const facts = { ...rest, cells: perMinute.size, inMinute, rare: perProcess.get(RARE) ?? 0 };
  await writeFile(known, JSON.stringify(facts));
  return { logs, raw, facts };
}

/** Opens it, and waits until everything is derived and compressed that is to be. */
async function openSettled(dir: string, options: Partial<LogStoreOptions>): Promise<LogStore> {
  const store = await LogStore.open({ dir, clock: systemClock, retention: FOREVER, ...options });
  await store.caredFor();
  return store;
}

interface Question {
  what: string;
  wanted: number;
  limit: string;
  ask: (store: LogStore) => Promise<number>;
  /** A shell command that prints the number. */
  peer: [name: string, command: string];
}

function questions({ logs, facts }: Day): Question[] {
  const files = `${logs}/*.ndjson`;
  return [
    {
      what: "a rare text",
      wanted: 1,
      limit: "0.10 ×",
      ask: (store) => countLines(store, { search: facts.needle, lines: 100 }),
      peer: ["rg", `rg --no-filename -F ${facts.needle} ${files} | wc -l`],
    },
    {
      what: "one minute of the day",
      wanted: facts.inMinute,
      limit: "",
      ask: (store) => countLines(store, { sinceUs: MINUTE_US, untilUs: MINUTE_US + 60_000_000 }),
      peer: ["rg", String.raw`rg --no-filename '^\{"ts":"${MINUTE}' ${files} | wc -l`],
    },
    {
      what: "the last 100 lines of a rare process",
      wanted: 100,
      limit: "",
      ask: (store) => countLines(store, { ps: RARE, lines: 100 }),
      peer: ["rg", `rg --no-filename -F '"ps":"${RARE}"' ${files} | tail -100 | wc -l`],
    },
    {
      what: "all lines with a common word",
      wanted: facts.invoices,
      limit: "1.2 ×",
      ask: (store) => countLines(store, { search: "invoice" }),
      peer: ["rg", `rg --no-filename -c invoice ${files} | paste -sd+ | bc`],
    },
    {
      what: "lines by minute and process",
      wanted: facts.cells,
      limit: "0.02 ×",
      ask: countCells,
      peer: [
        "mawk",
        `cat ${files} | LC_ALL=C mawk -F'"' '{c[substr($4,1,16)" "$8]++} END{n=0;for(k in c)n++;print n}'`,
      ],
    },
  ];
}

async function queries(day: Day): Promise<Row[]> {
  const store = await openSettled(day.logs, {});
  const rows: Row[] = [];
  for (const question of questions(day)) rows.push(await compare(store, question));
  await store.close();
  return rows;
}

async function compare(store: LogStore, { what, wanted, limit, ask, peer: [name, command] }: Question): Promise<Row> {
  const row = { what: `logs: ${what} (${String(wanted)})`, limit };
  const found = await ask(store);
  if (found !== wanted) throw new Error(`${what}: ${String(found)}, but there are ${String(wanted)}`);
  if (!isThere(name)) return skipped(row, name, await timed(() => ask(store)));
  const said = await shell(command);
  if (said !== wanted) throw new Error(`${what}: ${name} says ${String(said)}, but there are ${String(wanted)}`);
  const [ours, peer] = await inPairs(
    PAIRS,
    () => timed(() => ask(store)),
    () => timed(() => shell(command)),
  );
  return { ...row, ours: ms(ours), peer: `${ms(peer)} ${name}`, ratio: times(ours, peer) };
}

function skipped(row: Pick<Row, "what" | "limit">, name: string, ours: number): Row {
  return { ...row, ours: ms(ours), peer: `SKIPPED: ${name} is not installed`, ratio: "" };
}

function isThere(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

async function shell(command: string): Promise<number> {
  const child = spawn("bash", ["-c", command], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await once(child, "close");
  return Number(text.trim());
}

async function countLines(store: LogStore, query: LogQuery): Promise<number> {
  let lines = 0;
  for await (const piece of store.read(query, new AbortController().signal))
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) lines += 1;
  return lines;
}

async function countCells(store: LogStore): Promise<number> {
  let cells = 0;
  for await (const { counts } of store.countByMinute({}, new AbortController().signal))
    cells += new Set(counts.map(({ ps }) => ps)).size;
  return cells;
}

/** Lines and all that is derived from them, once all but the newest segment is cold, and the answers all the same. */
async function coldSize(t: TestContext, day: Day): Promise<Row> {
  const dir = join(await t.tempDir(), "logs");
  await mkdir(dir);
  for (const name of (await readdir(day.logs)).filter((name) => name.endsWith(".ndjson")))
    await copyFile(join(day.logs, name), join(dir, name));
  const store = await openSettled(dir, { retention: { ...FOREVER, hotMs: 0 } });
  for (const { what, wanted, ask } of questions(day))
    if ((await ask(store)) !== wanted) throw new Error(`${what}: another answer when cold`);
  const rare = await timed(() => countLines(store, { search: day.facts.needle, lines: 100 }));
  await store.close();
  const newest = (await readdir(dir)).find((name) => name.endsWith(".ndjson")) ?? "";
  const [cold, raw] = [await bytesIn(dir, newest.slice(0, 23)), day.facts.bytes - (await stat(join(dir, newest))).size];
  return {
    what: `logs: disk when cold, all told (a rare text then takes ${ms(rare)})`,
    ours: `${(cold / 1e6).toFixed(0)} MB`,
    peer: `${(raw / 1e6).toFixed(0)} MB of NDJSON`,
    ratio: `${(cold / raw).toFixed(2)} ×`,
    limit: "0.30 ×",
  };
}

async function bytesIn(dir: string, without: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dir)) if (!name.startsWith(without)) bytes += (await stat(join(dir, name))).size;
  return bytes;
}

const LOGGERS: [name: string, limit: string, command: (raw: string, dir: string) => string][] = [
  ["s6-log", "0.65 ×", (raw, dir) => `s6-log -b T s67108864 n100 ${dir} < ${raw}`],
  ["svlogd", "0.40 ×", (raw, dir) => `svlogd -tt -b 65536 ${dir} < ${raw} 2>/dev/null`],
  ["multilog", "0.45 ×", (raw, dir) => `multilog t s16777215 n100 ${dir} < ${raw}`],
];

/** Processor time for a million raw lines of one process. */
async function ingest(t: TestContext, { raw }: Day): Promise<Row[]> {
  const dir = await t.tempDir();
  const rows: Row[] = [];
  for (const [name, limit, command] of LOGGERS) {
    const row = { what: `logs: processor for a million lines`, limit };
    if (!isThere(name)) {
      rows.push(skipped(row, name, await store(dir, raw)));
      continue;
    }
    const peer = async (): Promise<number> => cpuOf(command(raw, await emptied(join(dir, "peer"))));
    const [ours, theirs] = await inPairs(2, () => store(dir, raw), peer);
    rows.push({ ...row, ours: ms(ours), peer: `${ms(theirs)} ${name}`, ratio: times(ours, theirs) });
  }
  return rows;
}

async function emptied(dir: string): Promise<string> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  return dir;
}

/** In a process of its own, which this one's heap does not burden. */
async function store(dir: string, raw: string): Promise<number> {
  const spool = join(await emptied(join(dir, "ours")), "spool");
  // A spool is punched as it is read.
  await copyFile(raw, spool);
  const program = new URL("log-intake.js", import.meta.url).pathname;
  return cpuOf(`${process.execPath} ${program} ${join(dir, "ours", "logs")} ${spool}`);
}

/** User and system time of a command, in ms. */
function cpuOf(command: string): number {
  const timed = spawnSync("bash", ["-c", `TIMEFORMAT='%U %S'; time { ${command}; }`], { encoding: "utf8" });
  if (timed.status !== 0) throw new Error(`${command}: ${timed.stderr}`);
  const [user = 0, system = 0] = (timed.stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return (user + system) * 1000;
}
