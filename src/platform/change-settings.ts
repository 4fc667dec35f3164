/** settings:set and settings:unset: switches and time limits of the platform for one app. Makes no release. */
import { isJsonObject, type Json } from "../core/json.ts";
import { checkSetting, parseSettingName, settingTexts, type SettingName } from "../core/settings.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { drainRulesOf } from "./drains.ts";
import { webhookRulesOf } from "./webhooks.ts";
import { launch } from "./launch.ts";
import { retentionOf } from "./open-app.ts";
import type { Platform } from "./platform.ts";

/** Every setting in force, as people write it. */
export async function readSettingTexts(app: App): Promise<Record<SettingName, string>> {
  return settingTexts((await app.ledger.readState())["settings"]);
}

/** @param change name → text, or null for the default.
 *  @throws AppError invalid_params for an unknown setting or a text that does not fit; then nothing is changed. */
export async function changeSettings(
  platform: Platform,
  app: App,
  change: Readonly<Record<string, string | null>>,
  actor: Actor,
): Promise<void> {
  for (const [name, text] of Object.entries(change)) {
    const setting = parseSettingName(name);
    if (text !== null) checkSetting(setting, text);
  }
  const words = Object.entries(change).map(([name, text]) =>
    text === null ? `${name} to its default` : `${name}=${text}`,
  );
  const hasChanged = await app.ledger.changeState({ ...actor, message: `Set ${words.join(", ")}` }, (files) => {
    const settings = { ...settingsOf(files["settings"]), ...change };
    return { ...files, settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)) };
  });
  if (!hasChanged) return;
  app.logChange(actor, `Set ${words.join(", ")}`);
  const { settings } = await app.state();
  app.logs.retain(retentionOf(settings));
  app.logs.limit(settings.logRateMax);
  app.drains.configure(drainRulesOf(settings));
  app.webhooks.configure(webhookRulesOf(settings));
  await launch(platform, app, "settings");
}

/** The file's own values, whatever else it holds. */
export function settingsOf(value: Json | undefined): Record<string, Json> {
  return isJsonObject(value) ? { ...value } : {};
}
