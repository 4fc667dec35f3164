/** When an answer that takes long is wanted no more. */
import type { ServerResponse } from "node:http";

/** Aborts when the answer has ended or nobody reads it any more, or at the end of `longer`; then it holds on to nothing,
 *  which `AbortSignal.any` of a signal that lives as long as the daemon would. */
export function untilGone(response: ServerResponse, longer: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => {
    longer.removeEventListener("abort", leave);
    gone.abort();
  };
  if (longer.aborted || response.destroyed) gone.abort();
  longer.addEventListener("abort", leave);
  response.once("close", leave);
  return gone.signal;
}
