/** How a build that fails says so. */
import { diskFull, isDiskFull } from "../core/disk-full.ts";
import { AppError } from "../core/error.ts";
import { ToolFailed } from "./git.ts";

export function buildFailed(hint: string): AppError {
  return new AppError("invalid_params", "build failed", { hint });
}

/** What a build says that has nowhere to write; undefined for any other failure. A tool of a buildpack says it in its own words. */
export function whenDiskFull(error: unknown): AppError | undefined {
  const isToolFull = error instanceof ToolFailed && /no space left on device|disk quota exceeded/i.test(error.said);
  return isToolFull || isDiskFull(error)
    ? diskFull(error, "Nothing was released; push again when there is room.")
    : undefined;
}

/** Of a program: its exit status, or the name of the signal that ended it. */
export function describeStatus(status: number | string): string {
  return typeof status === "number" ? `exit status ${String(status)}` : `signal ${status}`;
}
