/** What a caller is told of an error: an AppError as it is, a bug only that there was one. */
import { AppError } from "../core/error.ts";

export const MESSAGE_LENGTH_MAX = 200;

export function answerFor(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (error instanceof Error && "validation" in error) return new AppError("invalid_params", error.message);
  if (typeof status === "number" && status >= 400 && status < 500 && error instanceof Error) {
    return new AppError("bad_request", error.message.slice(0, MESSAGE_LENGTH_MAX));
  }
  return new AppError("internal_server_error", "The platform failed on this request.", {
    hint: "`git heroku server:logs` has the details; the app itself is not affected.",
  });
}
