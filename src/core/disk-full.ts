/** What cannot be done for want of room on the platform's disk. */
import { AppError } from "./error.ts";

/** Whether an error of the system says so: no space, or none left of a quota. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** @param what was not done, and how to go on: whole sentences */
export function diskFull(cause: unknown, what: string): AppError {
  return new AppError("unavailable", "The disk of the platform is full.", {
    hint: `\`git heroku info\` tells what an app takes. ${what}`,
    cause,
  });
}
