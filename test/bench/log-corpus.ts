/** A day's log, the same for every run with the same seed: lines as web apps, workers and routers print them, in the forms
 *  that the store and its peers read, and what is true of them (log-day.ts has the names of the files). */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { formatStamp } from "../../src/core/log-line.ts";

export interface CorpusOptions {
  /** Of NDJSON, about. */
  bytes: number;
  seed: number;
}

/** In the answers, the key of lines that state no level. */
export const NO_LEVEL = "-";

const DAY_US = 86_400_000_000;
const START_US = Date.UTC(2026, 10, 20) * 1000;
const RARE = "run.4821";
/** As many lines of the rare process, in one stretch of the day. */
const RARE_LINES = 181;
const NEEDLES = 25;
const LINE_BYTES = 217;
const FLUSH_CHARS = 1024 * 1024;

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

export function writeCorpus(dir: string, { bytes, seed }: CorpusOptions): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const noise = new Noise(seed);
  const total = Math.round(bytes / LINE_BYTES);
  const rareFrom = Math.floor(total * 0.3);
  const files = new Files(dir);
  const facts = new Facts();
  for (let number = 0; number < total; number += 1) {
    const us = START_US + Math.floor((number / total) * DAY_US);
    const isRare = number >= rareFrom && number < rareFrom + RARE_LINES * 50 && (number - rareFrom) % 50 === 0;
    let said = noise.below(10) < 6 ? webLine(noise, us) : otherLine(noise);
    if (isRare) said = { ps: RARE, source: "app", level: "", msg: `migrating ${noise.pick(WORDS)} ${noise.hex(8)}` };
    const isNeedle = number % Math.floor(total / NEEDLES) === 1000;
    const needle = isNeedle ? `needle-${noise.hex(16)}` : "";
    if (isNeedle) said = { ...said, msg: `${said.msg.slice(0, 40)} ${needle}` };
    facts.add(formatStamp(us), said, needle);
    files.add(us, said);
  }
  files.close();
  writeFileSync(join(dir, "a.truth"), JSON.stringify(facts.result()));
}

class Facts {
  private lines = 0;
  private readonly processes = new Map<string, number>();
  private readonly levels = new Map<string, number>();
  private readonly perMinute = new Map<string, number>();
  private readonly needles: { ts: string; text: string }[] = [];

  add(ts: string, { ps, level }: Said, needle: string): void {
    const minute = `${ts.slice(0, 16)} ${ps}`;
    this.lines += 1;
    this.processes.set(ps, (this.processes.get(ps) ?? 0) + 1);
    this.levels.set(level || NO_LEVEL, (this.levels.get(level || NO_LEVEL) ?? 0) + 1);
    this.perMinute.set(minute, (this.perMinute.get(minute) ?? 0) + 1);
    if (needle !== "") this.needles.push({ ts, text: needle });
  }

  result(): object {
    const { lines, needles } = this;
    const [processes, levels, perMinute] = [this.processes, this.levels, this.perMinute].map((counts) =>
      Object.fromEntries(counts),
    );
    return { lines, processes, levels, needles, perMinute };
  }
}

class Files {
  private readonly ndjson: Writer;
  private readonly text: Writer;
  private readonly raw: Writer;
  private readonly journal: Writer;

  constructor(dir: string) {
    const writer = (ending: string): Writer => new Writer(join(dir, `a.${ending}`));
    this.ndjson = writer("ndjson");
    this.text = writer("log");
    this.raw = writer("raw");
    this.journal = writer("export");
  }

  add(us: number, { ps, source, level, msg }: Said): void {
    const ts = formatStamp(us);
    this.ndjson.add(`${JSON.stringify({ ts, ps, source, level: level || undefined, msg })}\n`);
    this.text.add(`${ts.replace("Z", "+00:00")} ${source}[${ps}]: ${msg}\n`);
    this.raw.add(`${msg}\n`);
    this.journal.add(
      `__REALTIME_TIMESTAMP=${String(us)}\n__MONOTONIC_TIMESTAMP=${String(us - START_US + 1)}\n_BOOT_ID=${BOOT_ID}\nSYSLOG_IDENTIFIER=${ps}\nMESSAGE=${msg}\n\n`,
    );
  }

  close(): void {
    for (const writer of [this.ndjson, this.text, this.raw, this.journal]) writer.close();
  }
}

const BOOT_ID = "0123456789abcdef0123456789abcdef";

class Writer {
  private readonly fd: number;
  private pieces: string[] = [];
  private chars = 0;

  constructor(path: string) {
    this.fd = openSync(path, "w", 0o600);
  }

  add(text: string): void {
    this.pieces.push(text);
    this.chars += text.length;
    if (this.chars >= FLUSH_CHARS) this.flush();
  }

  private flush(): void {
    const bytes = Buffer.from(this.pieces.join(""));
    for (let done = 0; done < bytes.length;) done += writeSync(this.fd, bytes, done);
    this.pieces = [];
    this.chars = 0;
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }
}
