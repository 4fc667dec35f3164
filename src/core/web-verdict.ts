/** What has come of the web processes of a release: whether one was ever up, which is what a deploy is judged by. */
import type { DynoState } from "./dyno.ts";

/** `none`: nothing is to serve, or all of it sleeps. `unhealthy`: each has ended once before any was up; they are tried again,
 *  so it may become `healthy`, which lasts. */
export type WebVerdict = "none" | "awaited" | "healthy" | "unhealthy";

export interface JudgedWeb {
  readonly state: DynoState;
  /** Has it been up at all? */
  readonly wasUp: boolean;
  /** Has a process of it ended before it was up? */
  readonly hasFailed: boolean;
}

export function judgeWeb(web: readonly JudgedWeb[]): WebVerdict {
  if (web.some(({ wasUp }) => wasUp)) return "healthy";
  if (web.every(({ state }) => state === "idle")) return "none";
  return web.every(({ state, hasFailed }) => hasFailed || state === "idle") ? "unhealthy" : "awaited";
}
