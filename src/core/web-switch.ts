/** When traffic moves from the web processes of one release to those of the next. The old ones serve until then. */
import type { DynoState } from "./dyno.ts";

/** `none`: nothing to hand over. `booting`: the new ones are awaited, workers stay as they are.
 *  `abandoned`: a new one ended before it was healthy; everything but the old web processes has moved on. */
export type SwitchState = "none" | "booting" | "abandoned";

export interface NewWeb {
  readonly state: DynoState;
  /** Has it been up at all? */
  readonly wasUp: boolean;
}

/** @returns the next state; `none` means: serve from the new ones now and stop the old ones. */
export function nextSwitch(state: SwitchState, news: readonly NewWeb[], oldOnes: number): SwitchState {
  if (state === "none" || oldOnes === 0 || news.length === 0) return "none";
  const someUp = news.some((web) => web.state === "up");
  if (state === "abandoned") return someUp ? "none" : "abandoned";
  if (news.some((web) => web.state === "crashed" && !web.wasUp)) return "abandoned";
  if (news.some((web) => web.state === "starting")) return "booting";
  return someUp ? "none" : "abandoned";
}
