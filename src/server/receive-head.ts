/** The beginning of what a push sends (gitprotocol-pack(5)): pkt-lines with the refs that are to move, then a flush, then the
 *  pack. It is looked at before git is started for it. */
import { AppError } from "../core/error.ts";

/** git's own LARGE_PACKET_MAX, with the four digits of the length. */
const LINE_BYTES_MAX = 65_520;
const DIGITS = 4;
/** What the hooks can tell the daemon of: some 40,000 refs. */
export const HEAD_BYTES_MAX = 4 * 1024 * 1024;

/** Takes chunks until the flush has come.
 *  @returns all that was taken, which may go on behind the flush
 *  @throws AppError bad_request for what is no such beginning, or one that is too long */
export async function readReceiveHead(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  let place = 0;
  for (;;) {
    while (bytes.length - place >= DIGITS) {
      const length = lengthAt(bytes, place);
      if (length === 0) return bytes;
      if (bytes.length - place < length) break;
      place += length;
    }
    if (bytes.length > HEAD_BYTES_MAX) {
      throw new AppError("bad_request", "This push moves too many refs at once.", {
        hint: "Push some of them at a time.",
      });
    }
    const { value, done } = await chunks.next();
    if (done === true) throw noHead("it ends too early");
    bytes = Buffer.concat([bytes, value]);
  }
}

function lengthAt(bytes: Buffer, place: number): number {
  const text = bytes.toString("latin1", place, place + DIGITS);
  const length = /^[0-9a-f]{4}$/i.test(text) ? Number.parseInt(text, 16) : NaN;
  if (length === 0 || (length > DIGITS && length <= LINE_BYTES_MAX)) return length;
  throw noHead(`${JSON.stringify(text)} is no length of a line`);
}

function noHead(why: string): AppError {
  return new AppError("bad_request", `This is not what git sends with a push: ${why}.`);
}
