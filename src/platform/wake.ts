/** autosleep: an app without traffic is put to sleep, and the first request wakes it. */
import type { App } from "./app.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";

/** Does nothing when it is awake. Never rejects; what goes wrong is told in the app's log. */
export async function wake(platform: Platform, app: App): Promise<void> {
  if (app.sleep.isAsleep) await launch(platform, app, "wake");
}

/** A release that is just being brought up is left alone. */
export async function fallAsleep(platform: Platform, app: App): Promise<void> {
  if (!app.sleep.isAsleep && app.formation.isAtRest) await launch(platform, app, "sleep");
}

export interface TrafficCallbacks {
  /** A request waits for the app. */
  onWake: (name: string) => void;
  /** Nobody has come for as long as the app's `autosleep` says. */
  onQuiet: (name: string) => void;
}

/** What the router tells, which is there before the platform is. */
export function trafficOf(open: () => Platform | undefined): TrafficCallbacks {
  const about = (act: (platform: Platform, app: App) => Promise<void>) => (name: string) => {
    const platform = open();
    const app = platform?.find(name);
    if (platform !== undefined && app !== undefined) void act(platform, app);
  };
  return { onWake: about(wake), onQuiet: about(fallAsleep) };
}
