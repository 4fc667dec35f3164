/** Lines from elsewhere, in the form in which we store them: our own NDJSON, or the text that `heroku logs` prints. */
import { cleanProcessName } from "./line-head.ts";
import { detectLevel, LEVELS } from "./level.ts";
import { formatLogLine, LOG_LEVELS, parseLogLine, parseStamp, type LogLine } from "../core/log-line.ts";
import { parseTextLine } from "../core/heroku-text.ts";

export interface ImportedLine {
  ts: string;
  /** With its newline. */
  text: string;
}

const NEWLINE = 10;
const RETURN = 13;
/** A stored message has at most 64 KiB; escaped it may have six times that. */
const LINE_BYTES_MAX = 1024 * 1024;
const RELEASE_MAX = 999_999_999;

/** A line that is in our form to the byte, as every line that we gave is: there is nothing to parse. */
const STORED = new RegExp(
  String.raw`^\{"ts":"([^"]{27})","ps":"[A-Za-z0-9_.-]{1,160}","source":"(?:app|heroku)"(?:,"release":[1-9]\d{0,8})?` +
    String.raw`(?:,"level":"(?:${LOG_LEVELS.join("|")})")?(?:,"cont":1)?,"msg":"` +
    String.raw`[^"\\\x00-\x1f]*(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))[^"\\\x00-\x1f]*)*"\}$`,
);

/** Undefined for what is no log line. */
export function importLine(text: string): ImportedLine | undefined {
  const ts = STORED.exec(text)?.[1];
  if (ts !== undefined && parseStamp(ts) !== undefined) return { ts, text: `${text}\n` };
  const line = text.startsWith("{") ? storedLine(text) : textLine(text);
  return line === undefined ? undefined : { ts: line.ts, text: `${formatLogLine(line)}\n` };
}

function storedLine(text: string): LogLine | undefined {
  try {
    const { release = 0, level = "", ps, ...line } = parseLogLine(text);
    const hasRelease = Number.isInteger(release) && release > 0 && release <= RELEASE_MAX;
    return {
      ...line,
      ps: cleanProcessName(ps),
      ...(hasRelease && { release }),
      ...(LOG_LEVELS.includes(level) && { level }),
    };
  } catch {
    return undefined;
  }
}

function textLine(text: string): LogLine | undefined {
  const line = parseTextLine(text);
  if (line === undefined) return undefined;
  const bytes = Buffer.from(line.msg);
  const level = line.source === "app" ? LEVELS[detectLevel(bytes, 0, bytes.length)] : undefined;
  return level === undefined ? line : { ...line, level };
}

/** Cuts bytes into lines, however they arrive. What is longer than any line of a log is given as undefined. */
export class LineCutter {
  private readonly parts: Buffer[] = [];
  private held = 0;
  private isTooLong = false;

  *add(bytes: Buffer): Generator<string | undefined> {
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, at);
      this.hold(bytes.subarray(at, end === -1 ? bytes.length : end));
      if (end === -1) return;
      at = end + 1;
      yield* this.take();
    }
  }

  /** A last line without its newline. */
  *end(): Generator<string | undefined> {
    if (this.held > 0 || this.isTooLong) yield* this.take();
  }

  private hold(part: Buffer): void {
    this.held += part.length;
    if (this.held > LINE_BYTES_MAX) this.isTooLong = true;
    else if (part.length > 0) this.parts.push(part);
    if (this.isTooLong) this.parts.length = 0;
  }

  private *take(): Generator<string | undefined> {
    const [first = Buffer.alloc(0)] = this.parts;
    const line = this.parts.length > 1 ? Buffer.concat(this.parts) : first;
    const { isTooLong } = this;
    this.parts.length = 0;
    this.held = 0;
    this.isTooLong = false;
    if (isTooLong) yield undefined;
    else if (line.length > 0) yield line.toString("utf8", 0, line.at(-1) === RETURN ? line.length - 1 : line.length);
  }
}
