/** Questions to a day's log, asked of the store and of the tools that people would take instead, over the same lines. Every answer,
 *  ours and theirs, is checked against what the generator knows, else there is nothing to compare. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LogStore } from "../../src/logs/log-store.ts";
import type { LogQuery } from "../../src/logs/log-store.ts";
import type { TestContext } from "../support/suite.ts";
import { NO_LEVEL } from "./log-corpus.ts";
import { openDay, openDayStore, type Day } from "./log-day.ts";
import { isThere, shell } from "./log-peers.ts";
import { inPairs, ms, timed, times, withContext, type Row } from "./measure.ts";

const PAIRS = 5;
const MINUTE_US = 60_000_000;

export async function benchLogs(): Promise<Row[]> {
  return withContext(async (t) => {
    const day = await openDay(process.env["BENCH_CORPUS"] ?? (await t.tempDir()));
    const store = await openDayStore(day);
    t.after(() => store.close());
    await checkAnswers(store, day);
    const rows: Row[] = [];
    for (const question of questions(day, await formatForLnav(t))) rows.push(await compare(store, question));
    return rows;
  });
}

/** A home in which lnav knows the form of a line. */
async function formatForLnav(t: TestContext): Promise<string> {
  const home = await t.tempDir();
  const formats = join(home, ".config/lnav/formats/log");
  await mkdir(formats, { recursive: true });
  const about = {
    title: "log",
    json: true,
    "file-type": "json",
    "line-format": [{ field: "ts" }, " ", { field: "source" }, "[", { field: "ps" }, "]: ", { field: "msg" }],
    "timestamp-field": "ts",
    "body-field": "msg",
    "level-field": "level",
    // A field that stands nowhere in the line would get one of its own.
    value: {
      ps: { kind: "string", identifier: true },
      source: { kind: "string" },
      level: { kind: "string", hidden: true },
      msg: { kind: "string" },
    },
  };
  const schema = "https://lnav.org/schemas/format-v1.schema.json";
  await writeFile(join(formats, "log.json"), JSON.stringify({ $schema: schema, stored_log: about }));
  return home;
}

interface Question {
  what: string;
  limit: string;
  ask: (store: LogStore) => Promise<unknown>;
  /** Programs that a shell command asks the same of, and that says the same. */
  peer: [name: string, command: string];
  /** What both must say. */
  wanted: number | undefined;
}

/** Whole answers of the generator: each needle at its time, each process, each level, each minute of each process. */
async function checkAnswers(store: LogStore, { truth }: Day): Promise<void> {
  for (const { ts, text } of truth.needles) {
    const found = await lines(store, { search: text });
    if (found.length !== 1 || !found[0]?.startsWith(`{"ts":"${ts}"`)) throw new Error(`${text}: ${found.join("")}`);
  }
  const perMinute = new Map<string, number>();
  const levels = new Map<string, number>();
  for await (const { minute, counts } of store.countByMinute({}, NEVER))
    for (const { ps, level, lines } of counts) {
      add(perMinute, `${minute} ${ps}`, lines);
      add(levels, level ?? NO_LEVEL, lines);
    }
  sameCounts("minutes", perMinute, truth.perMinute);
  sameCounts("levels", levels, truth.levels);
  for (const [ps, count] of Object.entries(truth.processes)) same(ps, await store.count({ ps }, NEVER), count);
  same("lines", await store.count({}, NEVER), truth.lines);
}

function add(counts: Map<string, number>, key: string, lines: number): void {
  counts.set(key, (counts.get(key) ?? 0) + lines);
}

function sameCounts(what: string, found: ReadonlyMap<string, number>, wanted: Record<string, number>): void {
  same(what, found.size, Object.keys(wanted).length);
  for (const [key, count] of Object.entries(wanted)) same(`${what}, ${key}`, found.get(key), count);
}

const NEVER = new AbortController().signal;

function same(what: string, found: number | undefined, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)}, but there are ${String(wanted)}`);
}

async function lines(store: LogStore, query: LogQuery): Promise<string[]> {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(query, NEVER)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces)
    .toString()
    .split(/(?<=\n)/);
}

async function countLines(store: LogStore, query: LogQuery): Promise<number> {
  let count = 0;
  for await (const piece of store.read(query, NEVER))
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) count += 1;
  return count;
}

async function countCells(store: LogStore): Promise<number> {
  let cells = 0;
  for await (const { counts } of store.countByMinute({}, NEVER)) cells += new Set(counts.map(({ ps }) => ps)).size;
  return cells;
}

/** A whole minute, of the part of the day that a journal has too. */
function someMinute({ truth }: Day): { text: string; us: number; lines: number } {
  const minutes = [...new Set(Object.keys(truth.perMinute).map((cell) => cell.slice(0, 16)))].sort();
  const text = minutes[Math.floor(minutes.length * 0.2)] ?? "";
  const cells = Object.entries(truth.perMinute).filter(([cell]) => cell.startsWith(text));
  return { text, us: Date.parse(`${text}:00Z`) * 1000, lines: cells.reduce((sum, [, count]) => sum + count, 0) };
}

function questions(day: Day, lnavHome: string): Question[] {
  const { truth, logs } = day;
  const files = `${logs}/*.ndjson`;
  const needle = truth.needles[0]?.text ?? "";
  const rare = Object.entries(truth.processes).sort(([, a], [, b]) => a - b)[0]?.[0] ?? "";
  const minute = someMinute(day);
  const journal = `journalctl -D ${day.journal ?? "none"} -o short-iso-precise --no-pager -q`;
  const clock = minute.text.replace("T", " ");
  const rareText = (store: LogStore): Promise<number> => countLines(store, { search: needle, lines: 100 });
  const inMinute = (store: LogStore): Promise<number> =>
    countLines(store, { sinceUs: minute.us, untilUs: minute.us + MINUTE_US });
  const ofRare = (store: LogStore): Promise<number> => countLines(store, { ps: rare, lines: 100 });
  return [
    {
      what: "a rare text",
      limit: "0.10 ×",
      wanted: 1,
      ask: rareText,
      peer: ["rg", `rg --no-filename -F ${needle} ${files} | wc -l`],
    },
    {
      what: "a text that is nowhere",
      limit: "",
      wanted: 0,
      ask: (store) => countLines(store, { search: `${needle}x`, lines: 100 }),
      peer: ["rg", `rg --no-filename -F ${needle}x ${files} | wc -l`],
    },
    {
      what: "one minute of the day",
      limit: "0.3 ×",
      wanted: minute.lines,
      ask: inMinute,
      peer: ["journalctl", `TZ=UTC ${journal} --since '${clock}:00' --until '${clock}:59.999999' | wc -l`],
    },
    {
      what: "one minute of the day",
      limit: "",
      wanted: minute.lines,
      ask: inMinute,
      peer: ["rg", String.raw`rg --no-filename '^\{"ts":"${minute.text}' ${files} | wc -l`],
    },
    {
      what: "the last 100 lines of a rare process",
      limit: "0.6 ×",
      wanted: 100,
      ask: ofRare,
      peer: ["journalctl", `${journal} -n 100 -t ${rare} | wc -l`],
    },
    {
      what: "the last 100 lines of a rare process",
      limit: "",
      wanted: 100,
      ask: ofRare,
      peer: ["rg", `rg --no-filename -F '"ps":"${rare}"' ${files} | tail -100 | wc -l`],
    },
    {
      what: "how many lines have a common word",
      limit: "1.2 ×",
      wanted: undefined,
      ask: (store) => store.count({ search: "invoice" }, NEVER),
      peer: ["rg", `rg -j 2 --no-filename -c invoice ${files} | awk '{n+=$1} END{print n}'`],
    },
    {
      what: "how many, upper or lower case",
      limit: "",
      wanted: undefined,
      ask: (store) => store.count({ search: "INVOICE", ignoreCase: true }, NEVER),
      peer: ["rg", `rg -j 2 -i --no-filename -c invoice ${files} | awk '{n+=$1} END{print n}'`],
    },
    {
      what: "lines by minute and process",
      limit: "0.02 ×",
      wanted: Object.keys(truth.perMinute).length,
      ask: countCells,
      peer: [
        "mawk",
        `cat ${files} | LC_ALL=C mawk -F'"' '{c[substr($4,1,16)" "$8]++} END{n=0;for(k in c)n++;print n}'`,
      ],
    },
    {
      what: "a rare text",
      limit: "",
      wanted: 1,
      ask: rareText,
      peer: ["lnav", `HOME=${lnavHome} lnav -n -c ':filter-in ${needle}' ${files} | wc -l`],
    },
    {
      what: "a rare text",
      limit: "",
      wanted: 1,
      ask: rareText,
      peer: ["jq", `cat ${files} | jq -c 'select(.msg|contains("${needle}"))' | wc -l`],
    },
  ];
}

async function compare(store: LogStore, { what, wanted, limit, ask, peer: [name, command] }: Question): Promise<Row> {
  const row = { what: `logs: ${what}${wanted === undefined ? "" : ` (${String(wanted)})`}`, limit };
  const found = Number(await ask(store));
  if (wanted !== undefined) same(what, found, wanted);
  if (!isThere(name))
    return { ...row, ours: ms(await timed(() => ask(store))), peer: `SKIPPED: no ${name}`, ratio: "" };
  const once = await timed(async () => same(`${what}, says ${name}`, await shell(command), found));
  const pairs = once > 3000 ? 0 : PAIRS;
  const [ours, peer] =
    pairs === 0
      ? [await timed(() => ask(store)), once]
      : await inPairs(
          pairs,
          () => timed(() => ask(store)),
          () => timed(() => shell(command)),
        );
  return { ...row, ours: ms(ours), peer: `${ms(peer)} ${name}`, ratio: times(ours, peer) };
}
