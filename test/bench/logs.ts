/** Queries of a day's log of 200 MB, asked of the daemon, against ripgrep (or grep where that is not there) over the same
 *  segments. Both must find the same lines, else there is nothing to compare. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatLogLine, formatStamp } from "../../src/core/log-line.ts";
import { segmentName } from "../../src/logs/segment-files.ts";
import type { LogQuery } from "../../src/api/log-resources.ts";
import { deployFixture, platformClient } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { inPairs, ms, timed, times, withContext, type Row } from "./measure.ts";

const PAIRS = 9;
const BYTES = 200_000_000;
const SEGMENT_BYTES = 60_000_000;
const DAY_US = 86_400_000_000;
const START_US = Date.UTC(2025, 0, 15) * 1000;
const NEEDLE = "needle-7-3f9ae35c";
const PROCESSES = ["web.1", "web.2", "web.3", "worker.1", "worker.2", "clock.1"];

interface Question {
  what: string;
  query: Omit<LogQuery, "tail">;
  /** What the peer looks for in the stored lines. */
  pattern: string;
  limit: string;
}

const QUESTIONS: Question[] = [
  {
    what: "logs: one minute of a day",
    query: { since: "2025-01-15 17:31", until: "2025-01-15 17:32" },
    pattern: String.raw`^\{"ts":"2025-01-15T17:31`,
    limit: "0.3 ×",
  },
  { what: "logs: a rare process", query: { ps: "run.4821" }, pattern: '"ps":"run\\.4821"', limit: "0.6 ×" },
  { what: "logs: a rare text", query: { search: NEEDLE }, pattern: NEEDLE, limit: "" },
  {
    what: "logs: a pattern in an hour",
    query: { since: "2025-01-15 09:00", until: "2025-01-15 10:00", regex: "status=50\\d" },
    pattern: String.raw`^\{"ts":"2025-01-15T09:.*status=50\d`.replace(String.raw`\d`, "[0-9]"),
    limit: "",
  },
];

export async function benchLogs(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    await deployFixture(platform, "hello");
    await platform.exec("git", ["heroku", "scale", "web=0", "--app", "hello"]);
    await platform.exec("git", ["heroku", "server:stop", "--apps"]);
    const dir = join(platform.home, "apps", "hello", "logs");
    await writeDay(dir);
    await platform.start();
    const rows: Row[] = [];
    for (const question of QUESTIONS) rows.push(await compare(platform, dir, question));
    await rm(dir, { recursive: true });
    return rows;
  });
}

async function compare(platform: TestPlatform, dir: string, question: Question): Promise<Row> {
  const client = platformClient(platform);
  const ask = async (): Promise<number> => {
    const answer = await client.logs("hello", { lines: 1_000_000, ...question.query, tail: false });
    let lines = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) lines += countNewlines(chunk);
    return lines;
  };
  const [found, wanted] = [await ask(), await runPeer(dir, question.pattern)];
  if (found !== wanted || found === 0) {
    throw new Error(`${question.what}: ${String(found)} lines, ${PEER} finds ${String(wanted)}`);
  }
  const [ours, peer] = await inPairs(
    PAIRS,
    () => timed(ask),
    () => timed(() => runPeer(dir, question.pattern)),
  );
  return {
    what: `${question.what} (${String(found)} lines)`,
    ours: ms(ours),
    peer: `${ms(peer)} ${PEER}`,
    ratio: times(ours, peer),
    limit: question.limit,
  };
}

const PEER = spawnSync("rg", ["--version"]).status === 0 ? "rg" : "grep";

/** How many lines it finds. */
async function runPeer(dir: string, pattern: string): Promise<number> {
  const args = PEER === "rg" ? ["--no-filename", "-g", "*.ndjson"] : ["-rhE", "--include=*.ndjson"];
  const child = spawn(PEER, [...args, "-e", pattern, dir], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, LC_ALL: "C" },
  });
  let lines = 0;
  child.stdout.on("data", (chunk: Buffer) => (lines += countNewlines(chunk)));
  await once(child, "close");
  return lines;
}

function countNewlines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) count += 1;
  return count;
}

/** A day of lines at an even pace, the same in every run. */
async function writeDay(dir: string): Promise<void> {
  const random = mulberry(7);
  const total = Math.round(BYTES / 190);
  let lines: string[] = [];
  let bytes = 0;
  let firstUs = START_US;
  const flush = async (): Promise<void> => {
    await writeFile(join(dir, segmentName(firstUs)), lines.join(""), { mode: 0o600 });
    lines = [];
    bytes = 0;
  };
  for (let n = 0; n < total; n += 1) {
    const us = START_US + Math.floor((n / total) * DAY_US);
    if (lines.length === 0) firstUs = us;
    const line = `${formatLogLine(lineAt(n, us, random))}\n`;
    lines.push(line);
    bytes += line.length;
    if (bytes >= SEGMENT_BYTES) await flush();
  }
  await flush();
}

function lineAt(n: number, us: number, random: () => number): Parameters<typeof formatLogLine>[0] {
  const isRare = n % 40_009 === 17;
  const status = random() < 0.02 ? 500 + Math.floor(random() * 4) : 200;
  const id = Math.floor(random() * 2 ** 48).toString(16);
  const rest = n % 499_979 === 99_991 ? NEEDLE : `path="/orders/${id}" bytes=${String(Math.floor(random() * 9000))}`;
  return {
    ts: formatStamp(us),
    ps: isRare ? "run.4821" : (PROCESSES[Math.floor(random() * PROCESSES.length)] ?? ""),
    source: "app",
    release: 70 + Math.floor((n / 1_000_000) * 10),
    msg: `method=GET status=${String(status)} request_id=${id} ${rest}`,
  };
}

/** Numbers in [0, 1) from a seed. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
