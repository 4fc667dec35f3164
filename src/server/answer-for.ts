/** What a caller is told of an error: an AppError as it is, a bug only that there was one. */
import { diskFull, isDiskFull } from "../core/disk-full.ts";
import { AppError } from "../core/error.ts";

export const MESSAGE_LENGTH_MAX = 200;

export function answerFor(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDiskFull(error)) return diskFull(error, "Try again when there is room.");
  const refusal = error instanceof Error ? refusalOf(error) : undefined;
  if (refusal !== undefined) return refusal;
  return new AppError("internal_server_error", "The platform failed on this request.", {
    hint: "`git heroku server:logs` has the details; the app itself is not affected.",
  });
}

/** What fastify itself refuses. */
function refusalOf(error: Error): AppError | undefined {
  if ("validation" in error) return new AppError("invalid_params", error.message);
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (typeof status !== "number" || status < 400 || status >= 500) return undefined;
  return new AppError("bad_request", error.message.slice(0, MESSAGE_LENGTH_MAX));
}
