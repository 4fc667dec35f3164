/** The assertions that uvu lacks: an awaited rejection, and an AppError with its id. */
import { AppError, type ErrorId } from "../../src/core/error.ts";

/** Waits for the promise to reject and returns what it rejected with. */
export async function rejects(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`Expected a rejection, got ${JSON.stringify(value)}.`);
}

/** Runs the code, which must throw or reject with an AppError of this id; returns it for a look at its message. */
export async function refuses(id: ErrorId, code: () => unknown): Promise<AppError> {
  const error = await rejects((async () => code())());
  if (!(error instanceof AppError)) throw error instanceof Error ? error : new Error(String(error));
  if (error.id !== id) throw new Error(`Expected AppError ${id}, got ${error.id}: ${error.message}`);
  return error;
}
