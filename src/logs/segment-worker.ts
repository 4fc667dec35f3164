/** The background thread of the log: compresses sealed segments and derives from them what makes reading quick, at the
 *  lowest priority, one job at a time. */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { compressSegment } from "./compress-segment.ts";
import { countSegment, signSegment } from "./derive-segment.ts";
import { compressedName } from "./segment-files.ts";

export interface SegmentJob {
  kind: "sign" | "count" | "compress";
  dir: string;
  segment: string;
}

/** What went wrong, if anything did. */
export interface JobEnd {
  failure: { code: string; message: string } | undefined;
}

async function run({ kind, dir, segment }: SegmentJob): Promise<void> {
  if (kind === "sign") await signSegment(dir, segment);
  else if (kind === "count") await countSegment(dir, segment);
  else compressSegment(dir, segment, `${compressedName(segment)}.tmp`);
}

// On Linux a thread has a priority of its own; elsewhere this would be that of the whole process.
if (process.platform === "linux") lowerPriority();

function lowerPriority(): void {
  try {
    setPriority(0, 19);
  } catch {
    // A machine that forbids it has the work done all the same.
  }
}

function tell(failure: JobEnd["failure"]): void {
  parentPort?.postMessage({ failure } satisfies JobEnd, []);
}

parentPort?.on("message", (job: SegmentJob) => {
  run(job).then(
    () => tell(undefined),
    ({ code = "", message }: NodeJS.ErrnoException) => tell({ code, message }),
  );
});
