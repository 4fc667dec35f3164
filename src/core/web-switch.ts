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

export interface OldWeb {
  readonly release: number;
  /** Gets requests. */
  readonly serves: boolean;
  /** Is to come up, and has not failed to yet. */
  readonly boots: boolean;
}

/** Which of the older web processes go on beside the new ones: all that serve. Where none does, those that may come to: of one
 *  release alone, or each of many changes in a row would leave processes behind; of the oldest, which has had the most time. */
export function worthKeeping<T extends OldWeb>(old: readonly T[]): T[] {
  const serving = old.filter(({ serves }) => serves);
  if (serving.length > 0) return serving;
  const booting = old.filter(({ boots }) => boots);
  const oldest = Math.min(...booting.map(({ release }) => release));
  return booting.filter(({ release }) => release === oldest);
}

/** @returns the next state; `none` means: serve from the new ones now and stop the old ones. */
export function nextSwitch(
  state: SwitchState,
  news: readonly NewWeb[],
  old: readonly Pick<OldWeb, "serves">[],
): SwitchState {
  if (state === "none" || old.length === 0 || news.length === 0) return "none";
  const someUp = news.some((web) => web.state === "up");
  // Where the old ones serve nobody there is nothing to exchange at once.
  if (someUp && (state === "abandoned" || !old.some(({ serves }) => serves))) return "none";
  return state === "abandoned" ? "abandoned" : whileBooting(news, someUp);
}

function whileBooting(news: readonly NewWeb[], someUp: boolean): SwitchState {
  if (news.some((web) => web.state === "crashed" && !web.wasUp)) return "abandoned";
  if (news.some((web) => web.state === "starting")) return "booting";
  return someUp ? "none" : "abandoned";
}
