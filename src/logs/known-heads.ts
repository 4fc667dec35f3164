/** What stands between the stamp and the message of a line, read once for each kind of line: a log has millions of lines
 *  and a few dozen heads. Lines are told apart by their bytes, without making strings of them. */
import { HeadReader, startsAt, TAIL_BYTES } from "./head-reader.ts";
import { PS_AT } from "./line-head.ts";

export interface KnownHead {
  ps: string;
  source: string;
  /** 0 when the line names none. */
  release: number;
  /** Empty when the line states none. */
  level: string;
  /** Bytes from the start of the line to its message. */
  messageAt: number;
}

const HEADS_MAX = 4_096;
/** A name, a source, a release, a level, a part. */
const HEAD_BYTES_MAX = 300;
const COMMA = 0x2c;
const QUOTE = 0x22;
const M = 0x6d;
const G = 0x67;

export class KnownHeads {
  private readonly reader = new HeadReader();
  private readonly byHash = new Map<number, { bytes: Buffer; head: KnownHead }>();

  /** Undefined when the line, newline included, is of another form. */
  find(lines: Buffer, start: number, end: number): KnownHead | undefined {
    const from = start + PS_AT;
    const stop = Math.min(end, from + HEAD_BYTES_MAX);
    let hash = 0x811c9dc5;
    let at = from;
    for (; at < stop; at += 1) {
      const byte = lines[at] as number;
      if (byte === M && lines[at - 1] === QUOTE && lines[at - 2] === COMMA && lines[at + 2] === G) break;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    const known = this.byHash.get(hash);
    if (known?.bytes.length === at - from && startsAt(lines, from, known.bytes)) return known.head;
    return this.learn(lines, { start, end, at, hash });
  }

  private learn(
    lines: Buffer,
    { start, end, at, hash }: { start: number; end: number; at: number; hash: number },
  ): KnownHead | undefined {
    const { reader } = this;
    if (!reader.read(lines, start, end)) return undefined;
    const text = (from: number, to: number): string => lines.toString("latin1", from, to);
    const head: KnownHead = {
      ps: text(start + PS_AT, reader.psEnd),
      source: text(reader.sourceAt, reader.sourceEnd),
      release: reader.release,
      level: text(reader.levelAt, reader.levelEnd),
      messageAt: reader.messageAt - start,
    };
    if (this.byHash.size >= HEADS_MAX) this.byHash.clear();
    this.byHash.set(hash, { bytes: Buffer.from(lines.subarray(start + PS_AT, at)), head });
    return head;
  }
}

/** The message of a line as it was written; as it is stored when somebody's hand broke it. */
export function messageOf(lines: Buffer, from: number, end: number): string {
  const stored = lines.toString("utf8", from, Math.max(from, end - TAIL_BYTES));
  if (!stored.includes("\\")) return stored;
  try {
    return JSON.parse(`"${stored}"`) as string;
  } catch {
    return stored;
  }
}
