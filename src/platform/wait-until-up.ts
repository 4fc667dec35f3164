/** ps:wait: resolves when every process is up in the newest release, or when it is known that one is not going to be. It
 *  waits for what happens, not for a time to pass. */
import { AppError } from "../core/error.ts";
import { ONE_OFF_TYPE, RELEASE_TYPE } from "../core/procfile.ts";
import type { App, DynoInfo } from "./app.ts";
import type { Platform } from "./platform.ts";

export interface WaitRequest {
  /** Only processes of this type. */
  readonly type: string | undefined;
  /** One-off processes too. */
  readonly withRun: boolean;
  readonly timeoutMs: number;
}

export interface WaitResult {
  readonly status: "up" | "crashed" | "timeout";
  /** Of the newest release. */
  readonly version: number;
  /** Those that were waited for. */
  readonly dynos: readonly DynoInfo[];
}

/** @throws AppError not_found before the first deploy, unavailable when the signal aborts. */
export async function waitUntilUp(
  platform: Platform,
  app: App,
  request: WaitRequest,
  signal: AbortSignal,
): Promise<WaitResult> {
  await platform.knowsProcesses(app);
  const over = new AbortController();
  const end = (): void => over.abort();
  signal.addEventListener("abort", end);
  void platform.clock.sleep(request.timeoutMs, over.signal).then(end);
  try {
    for (;;) {
      // Listened for before the look, so that nothing that happens meanwhile is missed.
      const change = nextChange(app, over.signal);
      const result = await look(app, request);
      if (signal.aborted || app.isEnding) throw new AppError("unavailable", "The platform is stopping.");
      if (result.status !== "waiting") return { ...result, status: result.status };
      if (over.signal.aborted) return { ...result, status: "timeout" };
      await change;
    }
  } finally {
    signal.removeEventListener("abort", end);
    over.abort();
  }
}

type Look = Omit<WaitResult, "status"> & { readonly status: WaitResult["status"] | "waiting" };

async function look(app: App, { type, withRun }: WaitRequest): Promise<Look> {
  const current = await app.ledger.current();
  if (current?.code === undefined) {
    throw new AppError("not_found", `${app.name} has no processes until its first deploy.`, {
      hint: "Deploy first: git push production main",
    });
  }
  const { version } = current;
  const dynos = app
    .processes()
    .filter((dyno) => dyno.listed && (type === undefined || dyno.type === type))
    .filter((dyno) => dyno.type !== RELEASE_TYPE)
    .filter((dyno) => dyno.type !== ONE_OFF_TYPE || withRun || type === ONE_OFF_TYPE);
  const isKnown = app.launchedVersion >= version && app.formation.isCurrent;
  return { status: isKnown ? judge(dynos, version) : "waiting", version, dynos };
}

function judge(dynos: readonly DynoInfo[], version: number): Look["status"] {
  if (dynos.some(({ state, release }) => state === "crashed" && release === version)) return "crashed";
  // One that sleeps is as well as one that is up: the next request wakes it.
  const isUp = dynos.every(({ state, release }) => (state === "up" || state === "idle") && release >= version);
  return isUp ? "up" : "waiting";
}

/** Resolves when a process of the app, or the release that should run, may be another. */
async function nextChange(app: App, signal: AbortSignal): Promise<void> {
  const heard = new AbortController();
  const end = (): void => heard.abort();
  signal.addEventListener("abort", end);
  await Promise.race([app.formation.changed(heard.signal), app.oneOffs.changed(heard.signal)]);
  signal.removeEventListener("abort", end);
  heard.abort();
}
