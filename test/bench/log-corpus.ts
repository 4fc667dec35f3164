/** A day's log, the same for every run with the same seed: lines as web apps, workers and routers print them, in segments
 *  as the platform writes them, and what is true of them. */
import { closeSync, mkdirSync, openSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { formatStamp } from "../../src/core/log-line.ts";
import { segmentName } from "../../src/logs/segment-files.ts";

export interface CorpusOptions {
  /** For the segments; made. */
  dir: string;
  bytes: number;
  seed: number;
  segmentBytes: number;
  /** Told of each line too. */
  each?: (line: CorpusLine) => void;
}

export interface CorpusLine {
  us: number;
  ps: string;
  source: string;
  msg: string;
}

/** What a right answer is. */
export interface CorpusFacts {
  lines: number;
  bytes: number;
  /** `2026-11-20T17:31 web.1` → lines. */
  perMinute: Map<string, number>;
  perProcess: Map<string, number>;
  /** Lines with the word `invoice` in their message. */
  invoices: number;
  needle: string;
  needleStamp: string;
}

export const DAY_US = 86_400_000_000;
export const START_US = Date.UTC(2026, 10, 20) * 1000;
export const RARE = "run.4821";
/** As many lines of the rare process, in one stretch of the day. */
const RARE_LINES = 181;
const LINE_BYTES = 240;
const FLUSH_BYTES = 1024 * 1024;

const WORDS = "invoice customer shipment refund basket payment catalog thumbnail report session token mailer".split(
  " ",
);
const PATHS = [
  "/",
  "/login",
  "/api/v1/orders",
  "/api/v1/orders/%d",
  "/assets/app-%h.js",
  "/search?q=%w&page=%d",
  "/товар/%d",
];
const TEXTS = [
  "Commande validée pour Zoë Müller — %d,90 €",
  "注文 #%d を受け付けました",
  "ok",
  '\u001b[36mSQL\u001b[0m (%d.%dms) SELECT "orders".* FROM "orders" WHERE "id" = %d',
];

class Noise {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  /** In [0, n). */
  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.below(65536).toString(16).padStart(4, "0");
    return text.slice(0, digits);
  }

  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-a${this.hex(3)}-${this.hex(12)}`;
  }

  ip(): string {
    return `${String(1 + this.below(223))}.${String(this.below(256))}.${String(this.below(256))}.${String(this.below(256))}`;
  }

  fill(text: string): string {
    return text.replace(/%[dhw]/g, (mark) =>
      mark === "%d" ? String(this.below(100_000)) : mark === "%h" ? this.hex(8) : this.pick(WORDS),
    );
  }
}

interface Said {
  ps: string;
  source: string;
  level: string;
  msg: string;
}

function webLine(noise: Noise, us: number): Said {
  const ps = `web.${String(1 + noise.below(4))}`;
  const kind = noise.below(100);
  const said = (level: string, msg: string): Said => ({ ps, source: "app", level, msg });
  const level = noise.pick(["info", "info", "info", "debug", "warning"]);
  const path = noise.fill(noise.pick(PATHS));
  const seconds = String(Math.floor(us / 1e6));
  if (kind < 34)
    return said(
      level,
      `level=${level} ts=${seconds} request_id=${noise.uuid()} method=GET path=${path} status=${noise.pick(["200", "200", "304", "404", "500"])} duration=${String(noise.below(900))}ms`,
    );
  if (kind < 62)
    return said(
      level,
      `{"level":"${level}","time":${seconds},"req":{"id":"${noise.uuid()}","url":"${path}","ip":"${noise.ip()}"},"msg":"${noise.pick(WORDS)} ${noise.pick(WORDS)} completed"}`,
    );
  if (kind < 84)
    return said(
      "",
      `${noise.ip()} - - "GET ${path} HTTP/1.1" 200 ${String(noise.below(90_000))} "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0 Safari/537.36"`,
    );
  if (kind < 96) return said("", noise.fill(noise.pick(TEXTS)));
  return said(
    "",
    `    at ${noise.pick(WORDS)}Controller.${noise.pick(WORDS)} (/app/src/${noise.pick(WORDS)}.js:${String(noise.below(900))}:${String(noise.below(80))})`,
  );
}

function otherLine(noise: Noise): Said {
  const kind = noise.below(10);
  if (kind < 5)
    return {
      ps: "router",
      source: "heroku",
      level: "",
      msg: `at=info method=GET path="${noise.fill(noise.pick(PATHS))}" host=shop.example.com request_id=${noise.uuid()} fwd="${noise.ip()}" dyno=web.${String(1 + noise.below(4))} connect=${String(noise.below(3))}ms service=${String(noise.below(900))}ms status=200 bytes=${String(noise.below(90_000))} protocol=https`,
    };
  if (kind < 9)
    return {
      ps: `worker.${String(1 + noise.below(2))}`,
      source: "app",
      level: "",
      msg: `pid=${String(noise.below(99))} class=${noise.pick(WORDS)}Job jid=${noise.hex(24)} elapsed=${String(noise.below(30))}.${String(noise.below(999))} done`,
    };
  return {
    ps: "clock.1",
    source: "app",
    level: "",
    msg: `triggering '${noise.pick(WORDS)}.${noise.pick(WORDS)}' next in ${String(noise.below(600))}s`,
  };
}

export function writeCorpus({ dir, bytes, seed, segmentBytes, each }: CorpusOptions): CorpusFacts {
  const noise = new Noise(seed);
  const total = Math.round(bytes / LINE_BYTES);
  const needle = `needle-${noise.hex(16)}`;
  const needleAt = Math.floor(total * 0.037);
  const rareFrom = Math.floor(total * 0.3);
  const facts: CorpusFacts = {
    lines: 0,
    bytes: 0,
    perMinute: new Map(),
    perProcess: new Map(),
    invoices: 0,
    needle,
    needleStamp: "",
  };
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = new SegmentSink(dir, segmentBytes);
  for (let number = 0; number < total; number += 1) {
    const us = START_US + Math.floor((number / total) * DAY_US);
    const isRare = number >= rareFrom && number < rareFrom + RARE_LINES * 50 && (number - rareFrom) % 50 === 0;
    let said = noise.below(10) < 6 ? webLine(noise, us) : otherLine(noise);
    if (isRare) said = { ps: RARE, source: "app", level: "", msg: `migrating ${noise.pick(WORDS)} ${noise.hex(8)}` };
    const stamp = formatStamp(us);
    if (number === needleAt) {
      said = { ...said, msg: `${said.msg.slice(0, 40)} ${needle}` };
      facts.needleStamp = stamp;
    }
    count(facts, stamp, said);
    const level = said.level === "" ? "" : `"level":"${said.level}",`;
    files.add(
      `{"ts":"${stamp}","ps":"${said.ps}","source":"${said.source}",${level}"msg":${JSON.stringify(said.msg)}}\n`,
      us,
    );
    each?.({ us, ...said });
  }
  files.close();
  facts.bytes = files.total;
  return facts;
}

function count(facts: CorpusFacts, stamp: string, { ps, msg }: Said): void {
  facts.lines += 1;
  const minute = `${stamp.slice(0, 16)} ${ps}`;
  facts.perMinute.set(minute, (facts.perMinute.get(minute) ?? 0) + 1);
  facts.perProcess.set(ps, (facts.perProcess.get(ps) ?? 0) + 1);
  if (msg.includes("invoice")) facts.invoices += 1;
}

class SegmentSink {
  total = 0;
  private readonly dir: string;
  private readonly segmentBytes: number;
  private fd = -1;
  private path = "";
  private size = 0;
  private lines: string[] = [];
  private pending = 0;

  constructor(dir: string, segmentBytes: number) {
    this.dir = dir;
    this.segmentBytes = segmentBytes;
  }

  add(line: string, us: number): void {
    if (this.fd === -1 || this.size >= this.segmentBytes) this.begin(us);
    this.lines.push(line);
    this.pending += line.length;
    if (this.pending >= FLUSH_BYTES) this.flush();
  }

  private begin(us: number): void {
    this.close();
    this.path = join(this.dir, segmentName(us));
    this.fd = openSync(this.path, "w", 0o600);
    this.size = 0;
  }

  private flush(): void {
    const bytes = Buffer.from(this.lines.join(""));
    for (let done = 0; done < bytes.length;) done += writeSync(this.fd, bytes, done);
    this.size += bytes.length;
    this.total += bytes.length;
    this.lines = [];
    this.pending = 0;
  }

  close(): void {
    if (this.fd === -1) return;
    this.flush();
    closeSync(this.fd);
    // Older than any index that is made of it.
    utimesSync(this.path, 1_700_000_000, 1_700_000_000);
    this.fd = -1;
  }
}
