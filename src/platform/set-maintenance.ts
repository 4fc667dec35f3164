/** maintenance:on and maintenance:off: the router answers for the app while its processes go on. Makes no release. */
import { readAppState } from "../core/app-state.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { settingsOf } from "./change-settings.ts";
import type { Platform } from "./platform.ts";
import { updateRoute } from "./route.ts";

export async function setMaintenance(platform: Platform, app: App, maintenance: boolean, actor: Actor): Promise<void> {
  const words = maintenance ? "on" : "off";
  const hasChanged = await app.ledger.changeState({ ...actor, message: `Set maintenance mode ${words}` }, (files) =>
    readAppState(files).maintenance === maintenance
      ? undefined
      : { ...files, settings: { ...settingsOf(files["settings"]), maintenance } },
  );
  if (!hasChanged) return;
  app.logChange(actor, `Set maintenance mode ${words}`);
  await updateRoute(platform, app);
}
