/** How a build that fails says so. */
import { AppError } from "../core/error.ts";

export function buildFailed(hint: string): AppError {
  return new AppError("invalid_params", "build failed", { hint });
}

/** Of a program: its exit status, or the name of the signal that ended it. */
export function describeStatus(status: number | string): string {
  return typeof status === "number" ? `exit status ${String(status)}` : `signal ${status}`;
}
