/** What goes over the connection of an attached one-off process, in both directions (docs/formats.md, "Frames"): one byte
 *  for the kind, four for the length, most significant first, then so many bytes. */

export const FRAME = {
  /** To the process: its input, the end of that, and the size of its terminal, "COLUMNS ROWS". */
  stdin: "0",
  stdinEnd: "e",
  size: "w",
  /** To the process: a signal for its group, such as "INT". */
  signal: "s",
  /** To the process, by the daemon: whoever was attached is gone. */
  hangUp: "h",
  /** From the process. A terminal has one output. */
  stdout: "1",
  stderr: "2",
  /** To the client, by the daemon: its exit status, and that nothing follows. */
  exit: "x",
} as const;

export interface Frame {
  readonly kind: string;
  readonly payload: Uint8Array;
}

/** What is sent is far smaller. */
export const FRAME_BYTES_MAX = 1024 * 1024;
const HEAD_BYTES = 5;
const NOTHING = new Uint8Array(0);

export function encodeFrame(kind: string, payload: Uint8Array = NOTHING): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + payload.length);
  frame[0] = kind.charCodeAt(0);
  new DataView(frame.buffer).setUint32(1, payload.length);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

/** Takes bytes as they come, and gives the frames that are complete. */
export class FrameReader {
  #rest: Uint8Array = NOTHING;

  /** @throws RangeError when a frame is announced that is longer than any can be. */
  read(chunk: Uint8Array): Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : join(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const length = view.getUint32(at + 1);
      if (length > FRAME_BYTES_MAX) throw new RangeError(`A frame of ${String(length)} bytes.`);
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) break;
      frames.push({ kind: String.fromCharCode(view.getUint8(at)), payload: bytes.subarray(at + HEAD_BYTES, end) });
      at = end;
    }
    this.#rest = bytes.slice(at);
    return frames;
  }
}

function join(one: Uint8Array, two: Uint8Array): Uint8Array {
  const joined = new Uint8Array(one.length + two.length);
  joined.set(one);
  joined.set(two, one.length);
  return joined;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

const SIZE = /^([1-9]\d{0,3}) ([1-9]\d{0,3})$/;

export function formatSize({ columns, rows }: TerminalSize): string {
  return `${String(columns)} ${String(rows)}`;
}

/** Undefined when it is no size of a terminal. */
export function parseSize(text: string): TerminalSize | undefined {
  const [, columns, rows] = SIZE.exec(text) ?? [];
  return columns === undefined ? undefined : { columns: Number(columns), rows: Number(rows) };
}
