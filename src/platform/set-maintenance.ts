/** maintenance:on and maintenance:off: the router answers for the app while its processes go on. Makes no release. */
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { settingsOf } from "./change-settings.ts";
import type { Platform } from "./platform.ts";
import { updateRoute } from "./route.ts";

export async function setMaintenance(platform: Platform, app: App, maintenance: boolean, actor: Actor): Promise<void> {
  const words = maintenance ? "on" : "off";
  if ((await app.state()).maintenance === maintenance) return;
  await app.ledger.changeState({ ...actor, message: `Set maintenance mode ${words}` }, (files) => {
    return { ...files, settings: { ...settingsOf(files["settings"]), maintenance } };
  });
  app.logChange(actor, `Set maintenance mode ${words}`);
  await updateRoute(platform, app);
}
