/** Several reasons to stop as one signal. */

/** Aborts with the first of them. To be released: then it holds on to nothing, which `AbortSignal.any` of a signal that
 *  lives as long as an app would. */
export function firstSignal(...signals: readonly AbortSignal[]): { signal: AbortSignal; release: () => void } {
  const first = new AbortController();
  const abort = (): void => first.abort();
  for (const signal of signals) signal.addEventListener("abort", abort);
  if (signals.some(({ aborted }) => aborted)) abort();
  return {
    signal: first.signal,
    release: () => {
      for (const signal of signals) signal.removeEventListener("abort", abort);
    },
  };
}
