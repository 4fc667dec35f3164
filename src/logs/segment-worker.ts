/** The background thread of the log: compresses sealed segments and derives from them what makes reading quick, at the
 *  lowest priority, one job at a time. */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { compressSegment } from "./compress-segment.ts";

export interface SegmentJob {
  kind: "compress";
  dir: string;
  segment: string;
  /** The file to make. */
  to: string;
}

/** What went wrong, if anything did. */
export interface JobEnd {
  failure: { code: string; message: string } | undefined;
}

const JOBS: Record<SegmentJob["kind"], (job: SegmentJob) => void> = {
  compress: ({ dir, segment, to }) => compressSegment(dir, segment, to),
};

// On Linux a thread has a priority of its own; elsewhere this would be that of the whole process.
if (process.platform === "linux") lowerPriority();

function lowerPriority(): void {
  try {
    setPriority(0, 19);
  } catch {
    // A machine that forbids it has the work done all the same.
  }
}

parentPort?.on("message", (job: SegmentJob) => {
  const end: JobEnd = { failure: undefined };
  try {
    JOBS[job.kind](job);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    end.failure = { code: code ?? "", message };
  }
  parentPort?.postMessage(end);
});
