/** Looking again and again, for what tells nobody when it happens: the state of processes that are not our children, what
 *  a platform answers. The looks themselves must not slow down what is being waited for. */
import { setTimeout as sleep } from "node:timers/promises";

const PAUSE_MIN_MS = 10;
/** Looking takes at most a quarter of the time. */
const PAUSES_PER_LOOK = 3;

/** Gives what `look` gives as soon as it is not undefined. */
export async function poll<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const began = performance.now();
    const found = await look();
    if (found !== undefined) return found;
    await sleep(Math.max(PAUSE_MIN_MS, PAUSES_PER_LOOK * (performance.now() - began)));
  }
}
