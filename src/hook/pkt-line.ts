/** git's pkt-line framing (gitprotocol-common): four hex digits of length, then the bytes; `0000` is a flush.
 *  Only what the proc-receive protocol needs: no delimiters, no sidebands. */

/** LARGE_PACKET_MAX of git, length digits included. */
const PACKET_BYTES_MAX = 65_520;

export const FLUSH = "0000";

export function encodePacket(text: string): string {
  const length = Buffer.byteLength(text) + 4;
  if (length > PACKET_BYTES_MAX) throw new Error(`A packet of ${String(length)} bytes is too long.`);
  return length.toString(16).padStart(4, "0") + text;
}

/** Takes bytes as they come and gives packets: a text without its final newline, or "flush". */
export class PacketDecoder {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws Error when the bytes are not pkt-line; the stream is of no use afterwards. */
  push(bytes: Buffer): (string | typeof FLUSH_PACKET)[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const packets: (string | typeof FLUSH_PACKET)[] = [];
    let start = 0;
    while (this.#rest.length >= start + 4) {
      const length = parseLength(this.#rest.toString("latin1", start, start + 4));
      if (length !== 0 && this.#rest.length < start + length) break;
      packets.push(
        length === 0 ? FLUSH_PACKET : this.#rest.toString("utf8", start + 4, start + length).replace(/\n$/, ""),
      );
      start += length === 0 ? 4 : length;
    }
    this.#rest = this.#rest.subarray(start);
    return packets;
  }
}

export const FLUSH_PACKET = Symbol("flush");

function parseLength(digits: string): number {
  const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  // 1 to 3 are delimiters of protocol v2, which has no place here.
  if (length !== 0 && !(length >= 4 && length <= PACKET_BYTES_MAX)) throw new Error("Not a pkt-line length.");
  return length;
}
