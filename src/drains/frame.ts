/** Stored lines as a drain sends them. Over TCP each message is RFC 5424, its length in front (RFC 6587, octet counting;
 *  RFC 5425 the same within TLS). Over HTTP it is `application/logplex-1`: the same, but without structured data, so one
 *  field short. Facilities and severities are Logplex's. */
import { parseLogLine, type LogLine } from "../core/log-line.ts";
import { lossText, type Loss } from "./loss.ts";

export interface Dialect {
  kind: "http" | "syslog";
  token: string;
}

export interface Frame {
  body: Buffer;
  /** Those of the log, without a notice of losses. */
  messages: number;
  /** What it says was lost. */
  notice: Loss | undefined;
}

export interface Batch {
  /** One, unless a single line is too long for that. */
  frames: Frame[];
  /** How much of the lines is in it. */
  bytes: number;
  /** How many lines that is. */
  lines: number;
  /** The stamp of the first of them. */
  firstStamp: string;
}

export interface BatchOptions {
  dialect: Dialect;
  /** Told at the beginning. */
  notice?: Loss | undefined;
  /** Lines of before this RFC 3339 second are passed over. */
  notBefore?: string | undefined;
}

/** Logplex's limit of an HTTP frame; without one, a piece of the log is a frame. */
const HTTP_FRAME_BYTES = 102_400;
const SYSLOG_FRAME_BYTES = 1024 * 1024;
/** A longer message is sent in parts. */
const MESSAGE_BYTES = 65_536;

const NEWLINE = 10;
const PRIORITY = { app: 190, router: 158, api: 134, logplex: 172, other: 45 } as const;

/** Of whole NDJSON lines as many as fit; at least one. */
export function makeBatch(lines: Buffer, options: BatchOptions): Batch {
  const { dialect, notBefore = "" } = options;
  const first = readLine(lines.toString("utf8", 0, lines.indexOf(NEWLINE)));
  const frames = new FrameBuilder(dialect.kind === "http" ? HTTP_FRAME_BYTES : SYSLOG_FRAME_BYTES);
  if (options.notice !== undefined)
    frames.addNotice(options.notice, encode(noticeLine(first.ts, options.notice), dialect));
  let [bytes, count] = [0, 0];
  while (bytes < lines.length) {
    const end = lines.indexOf(NEWLINE, bytes);
    const line = readLine(lines.toString("utf8", bytes, end));
    const isWanted = line.ts.slice(0, 19) >= notBefore.slice(0, 19);
    if (isWanted && !frames.add(partsOf(line).map((part) => encode(part, dialect)))) break;
    bytes = end + 1;
    count += 1;
  }
  return { frames: frames.finish(), bytes, lines: count, firstStamp: first.ts };
}

class FrameBuilder {
  readonly #bytesMax: number;
  readonly #frames: Frame[] = [];
  #messages: Buffer[] = [];
  #bytes = 0;
  #notice: Loss | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  addNotice(notice: Loss, message: Buffer): void {
    this.#notice = notice;
    this.#push(message);
  }

  /** Whether the messages of a line were taken: all of them, or none. */
  add(messages: readonly Buffer[]): boolean {
    const bytes = messages.reduce((sum, message) => sum + message.length, 0);
    const isFirst = this.#frames.length === 0 && this.#messages.length === (this.#notice === undefined ? 0 : 1);
    if (this.#bytes + bytes > this.#bytesMax && !isFirst) return false;
    for (const message of messages) {
      if (this.#messages.length > 0 && this.#bytes + message.length > this.#bytesMax) this.#close();
      this.#push(message);
    }
    // What took several frames stands alone.
    if (this.#frames.length > 0) this.#bytes = this.#bytesMax;
    return true;
  }

  finish(): Frame[] {
    this.#close();
    return this.#frames;
  }

  #push(message: Buffer): void {
    this.#messages.push(message);
    this.#bytes += message.length;
  }

  #close(): void {
    if (this.#messages.length === 0) return;
    const notice = this.#notice;
    const messages = this.#messages.length - (notice === undefined ? 0 : 1);
    this.#frames.push({ body: Buffer.concat(this.#messages), messages, notice });
    [this.#messages, this.#bytes, this.#notice] = [[], 0, undefined];
  }
}

/** A line that somebody spoiled by hand is sent as it is. */
function readLine(text: string): LogLine {
  try {
    return parseLogLine(text);
  } catch {
    return { ts: "1970-01-01T00:00:00.000000Z", ps: "logplex", source: "heroku", msg: text };
  }
}

function noticeLine(ts: string, loss: Loss): LogLine {
  return { ts, ps: "logplex", source: "heroku", msg: lossText(loss) };
}

function partsOf(line: LogLine): LogLine[] {
  if (line.msg.length * 3 <= MESSAGE_BYTES) return [line];
  const bytes = Buffer.from(line.msg);
  const parts: LogLine[] = [];
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(bytes.length, at + MESSAGE_BYTES);
    // Not within a character: its later bytes are 10xxxxxx.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    parts.push({ ...line, msg: bytes.toString("utf8", at, end) });
    at = end;
  }
  return parts;
}

function encode({ ts, ps, source, msg }: LogLine, { kind, token }: Dialect): Buffer {
  const about = `<${String(priorityOf(source, ps))}>1 ${ts.slice(0, -1)}+00:00`;
  const text =
    kind === "http"
      ? `${about} host ${source} ${nameOf(ps)} - ${msg}\n`
      : `${about} ${token} ${source} ${nameOf(ps)} - - ${msg}\n`;
  return Buffer.from(`${String(Buffer.byteLength(text))} ${text}`);
}

/** local7.info what processes write, local3.info the router's lines, local0.info the API's, local5.warning Logplex's own,
 *  syslog.notice what else the platform says. */
function priorityOf(source: string, ps: string): number {
  if (source === "app") return PRIORITY.app;
  return ps === "router" || ps === "api" || ps === "logplex" ? PRIORITY[ps] : PRIORITY.other;
}

/** PROCID has at most 128 characters of ASCII and no blank. */
function nameOf(ps: string): string {
  return ps.slice(0, 128).replace(/[^\x21-\x7e]/g, "?") || "-";
}
