/** The file `cursors`: how far each spool has been read, written before each batch with what that batch is about to
 *  add. Together with the length of the segment it says after a crash exactly which raw bytes are stored, so that
 *  nothing is lost or doubled. Two slots are overwritten in turn by one `pwrite` each; the one with the higher sequence
 *  number and a right checksum counts.
 *  Slot: u32 crc32 of the rest · u32 bytes of JSON · f64 sequence · JSON. */
import { constants, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { writeAt, writeNow } from "./quick-io.ts";

export interface Cursor {
  id: string;
  path: string;
  /** Raw bytes before this are stored. */
  offset: number;
  /** Whether they end inside a line that was cut. */
  isLater: boolean;
  /** Whether the process is gone and everything it wrote is stored; forgotten when the file is gone too. */
  isDone: boolean;
}

/** A piece of the batch: `bytes` of the segment that move the cursor of spool number `spool`, or of no spool (-1). */
export interface PlannedRun {
  spool: number;
  bytes: number;
  to: number;
  isLater: boolean;
  /** Whether the bytes are one line that tells of raw lines that were passed over. */
  isLoss?: boolean;
  /** Whether the batch is one of many: of so many bytes all that are there move the cursor, and `to` is where the first
   *  batch moves it. */
  isStanding?: boolean;
}

export interface CursorState {
  segment: string;
  /** Where the batch begins in the segment. */
  offset: number;
  /** The cursors before the batch. */
  spools: Cursor[];
  runs: PlannedRun[];
}

const SLOT_BYTES = 256 * 1024;
const HEADER_BYTES = 16;

export class CursorFile {
  private readonly handle: FileHandle;
  private sequence: number;
  private readonly texts = new WeakMap<Cursor, Cursor & { json: string }>();

  private constructor(handle: FileHandle, sequence: number) {
    this.handle = handle;
    this.sequence = sequence;
  }

  static async open(dir: string): Promise<{ file: CursorFile; state: CursorState | undefined }> {
    const handle = await open(join(dir, "cursors"), constants.O_RDWR | constants.O_CREAT, 0o600);
    const slots = [await readSlot(handle, 0), await readSlot(handle, SLOT_BYTES)];
    const newest = slots.filter((slot) => slot !== undefined).sort((a, b) => b.sequence - a.sequence)[0];
    return { file: new CursorFile(handle, newest?.sequence ?? 0), state: newest?.state };
  }

  async write(state: CursorState): Promise<void> {
    const slot = this.slotOf(state);
    await writeAt(this.handle, slot, this.nextPlace);
    this.sequence += 1;
  }

  /** The same within this turn of the event loop. */
  writeNow(state: CursorState): void {
    writeNow(this.handle, this.slotOf(state), this.nextPlace);
    this.sequence += 1;
  }

  private get nextPlace(): number {
    return ((this.sequence + 1) % 2) * SLOT_BYTES;
  }

  private slotOf(state: CursorState): Buffer {
    const json = this.stringify(state);
    const bytes = Buffer.byteLength(json);
    if (bytes > SLOT_BYTES - HEADER_BYTES) throw new Error(`${String(state.spools.length)} spools are too many.`);
    const slot = Buffer.allocUnsafe(HEADER_BYTES + bytes);
    slot.write(json, HEADER_BYTES);
    slot.writeUInt32LE(bytes, 4);
    slot.writeDoubleLE(this.sequence + 1, 8);
    slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
    return slot;
  }

  /** As JSON.stringify has it. Of many spools few have moved since the last time. */
  private stringify({ segment, offset, spools, runs }: CursorState): string {
    const texts = spools.map((cursor) => {
      const known = this.texts.get(cursor);
      if (known?.offset === cursor.offset && isSameState(known, cursor)) return known.json;
      const json = JSON.stringify(cursor);
      this.texts.set(cursor, { ...cursor, json });
      return json;
    });
    return `{"segment":${JSON.stringify(segment)},"offset":${String(offset)},"spools":[${texts.join(",")}],"runs":${JSON.stringify(runs)}}`;
  }

  /** Puts the cursors on the disk: raw bytes before them may go only then. */
  async sync(): Promise<void> {
    await this.handle.datasync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

function isSameState(a: Cursor, b: Cursor): boolean {
  return a.isLater === b.isLater && a.isDone === b.isDone && a.path === b.path;
}

async function readSlot(handle: FileHandle, at: number): Promise<{ sequence: number; state: CursorState } | undefined> {
  const slot = Buffer.alloc(SLOT_BYTES);
  const { bytesRead } = await handle.read(slot, 0, SLOT_BYTES, at);
  if (bytesRead < HEADER_BYTES) return undefined;
  const end = HEADER_BYTES + slot.readUInt32LE(4);
  if (end > bytesRead || crc32(slot.subarray(4, end)) !== slot.readUInt32LE(0)) return undefined;
  return { sequence: slot.readDoubleLE(8), state: JSON.parse(slot.toString("utf8", HEADER_BYTES, end)) as CursorState };
}
