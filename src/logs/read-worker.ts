/** A thread that reads what is found in segments (read-threads.ts), one answer at a time, and never far ahead of who reads it. */
import { parentPort } from "node:worker_threads";
import { Claims } from "./claims.ts";
import { forwardLines, type Stop } from "./forward.ts";
import { PIECE_BYTES } from "./gathered.ts";
import { LineSelection, type LogFilter } from "./line-selection.ts";
import type { Snapshot } from "./query.ts";
import { neverBeCareful } from "./quick-io.ts";
import { SegmentFiles } from "./segment-files.ts";
import { Sieve } from "./sieve.ts";

export interface ReadJob {
  dir: string;
  isReadOnly: boolean;
  snapshot: Snapshot;
  filter: LogFilter;
  /** Of its segments, which others may read too. */
  claims: SharedArrayBuffer;
  /** How many pieces may be on their way. */
  room: number;
  /** A word: whether the answer is wanted no more. */
  stopped: SharedArrayBuffer;
}

/** A job, or the memory of a piece that has been used. */
export type ReadOrder = ReadJob | { used: ArrayBuffer | undefined };

/** Lines, the end of a segment, and at the end of all what went wrong, if anything did. */
export type ReadTold =
  { lines: Uint8Array<ArrayBuffer>; areOurs: boolean } | { segmentEnd: true } | { failure: string | undefined };

let room = 0;
/** Used again and again: memory that is thrown away makes V8 look through all it has. */
const spare: ArrayBuffer[] = [];
const memory = (): Buffer => Buffer.from(spare.pop() ?? new ArrayBuffer(PIECE_BYTES));
let haveRoom: () => void = () => undefined;

async function read({ dir, isReadOnly, snapshot, filter, stopped, ...job }: ReadJob): Promise<void> {
  const word = new Int32Array(stopped);
  const stop: Stop = {
    get aborted() {
      return Atomics.load(word, 0) === 1;
    },
  };
  const sieve = new Sieve(new LineSelection(filter, { isEndless: false }), 0);
  const files = new SegmentFiles(dir, { isReadOnly });
  const claims = new Claims(job.claims);
  const { end } = snapshot;
  for (const [number, segment] of snapshot.segments.entries()) {
    if (stop.aborted || !claims.take(number)) continue;
    for await (const lines of forwardLines({ files, snapshot: { segments: [segment], end }, stop, memory }, sieve)) {
      tell({ lines: lines as Uint8Array<ArrayBuffer>, areOurs: sieve.areOurs }, [lines.buffer as ArrayBuffer]);
      room -= 1;
      if (room === 0) await new Promise<void>((resolve) => (haveRoom = resolve));
    }
    tell({ segmentEnd: true });
  }
}

function tell(told: ReadTold, given: ArrayBuffer[] = []): void {
  parentPort?.postMessage(told, given);
}

neverBeCareful();
parentPort?.on("message", (order: ReadOrder) => {
  if ("used" in order) {
    if (order.used?.byteLength === PIECE_BYTES) spare.push(order.used);
    room += 1;
    haveRoom();
    return;
  }
  room = order.room;
  read(order).then(
    () => tell({ failure: undefined }),
    (error: unknown) => tell({ failure: (error as Error).message }),
  );
});
