/** The day that the log's bench is about: a gigabyte of lines with what is true of them. `BENCH_CORPUS=DIR` names a directory that has
 *  them, or gets them; a corpus of another generator is taken as it is, if its files have these names:
 *  `a.ndjson`, the stored form; `a.log`, the same as text; `a.raw`, messages alone; `a.export` for a journal; `a.truth`, the answers. */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/bin/system-clock.ts";
import { parseStamp } from "../../src/core/log-line.ts";
import { STAMP_AT, STAMP_BYTES } from "../../src/logs/line-head.ts";
import { LogStore } from "../../src/logs/log-store.ts";
import { segmentName } from "../../src/logs/segment-files.ts";
import { writeCorpus } from "./log-corpus.ts";

const SEGMENT_BYTES = 64 * 1024 * 1024;
const NEWLINE = 10;

export interface Truth {
  lines: number;
  processes: Record<string, number>;
  levels: Record<string, number>;
  needles: { ts: string; text: string }[];
  /** `2026-11-20T17:31 web.1` → lines. */
  perMinute: Record<string, number>;
}

export interface Day {
  /** Segments, as a store has them. */
  logs: string;
  text: string;
  raw: string;
  /** Undefined where no journal can be made. */
  journal: string | undefined;
  truth: Truth;
}

export async function openDay(dir: string): Promise<Day> {
  const file = (ending: string): string => join(dir, `a.${ending}`);
  if (!existsSync(file("truth"))) writeCorpus(dir, { bytes: 1_010_000_000, seed: 1 });
  const logs = join(dir, "logs");
  if (!existsSync(logs)) made(logs, (unfinished) => cut(file("ndjson"), unfinished));
  const truth = JSON.parse(await readFile(file("truth"), "utf8")) as Truth;
  return { logs, text: file("log"), raw: file("raw"), journal: journalOf(dir, file("export")), truth };
}

export const FOREVER = { bytesMax: Number.POSITIVE_INFINITY, ageMsMax: Number.POSITIVE_INFINITY };

/** With all that is derived of its segments. */
export async function openDayStore({ logs }: Day): Promise<LogStore> {
  const store = await LogStore.open({ dir: logs, clock: systemClock, retention: FOREVER });
  await store.caredFor();
  return store;
}

/** It has its name only when it is whole. */
function made(path: string, make: (unfinished: string) => void): void {
  const unfinished = `${path}.tmp`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  make(unfinished);
  renameSync(unfinished, path);
}

/** Cuts lines into segments, behind a newline each. */
function cut(path: string, dir: string): void {
  const source = openSync(path, "r");
  const buffer = Buffer.allocUnsafeSlow(SEGMENT_BYTES);
  for (let at = 0; ;) {
    const bytes = buffer.subarray(0, readSync(source, buffer, 0, SEGMENT_BYTES, at));
    const whole = bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1);
    if (whole.length === 0) break;
    const us = parseStamp(whole.toString("latin1", STAMP_AT, STAMP_AT + STAMP_BYTES)) ?? 0;
    const segment = join(dir, segmentName(us));
    const target = openSync(segment, "w", 0o600);
    for (let done = 0; done < whole.length;) done += writeSync(target, whole, done);
    closeSync(target);
    // Older than any index that is made of it.
    utimesSync(segment, 1_700_000_000, 1_700_000_000);
    at += whole.length;
  }
  closeSync(source);
}

const IMPORTERS = ["/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote"];
/** What a journal gets of the day: the import takes longer than everything else together. */
const JOURNAL_LINES = 1_500_000;

function journalOf(dir: string, lines: string): string | undefined {
  const program = IMPORTERS.find((path) => existsSync(path));
  const journal = join(dir, "journal");
  if (program === undefined || existsSync(journal)) return program && journal;
  made(journal, (unfinished) => {
    const first = String.raw`awk 'BEGIN { RS = ""; ORS = "\n\n" } NR > ${String(JOURNAL_LINES)} { exit } 1' "$1"`;
    const script = `set -o pipefail; ${first} | ${program} --split-mode=none --compress=no -o "$2" -`;
    execFileSync("bash", ["-c", script, "bash", lines, join(unfinished, "a.journal")], { stdio: "ignore" });
  });
  return journal;
}
