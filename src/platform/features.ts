/** App features, as Heroku's clients turn them on and off: those settings of an app that are switches. */
import { AppError } from "../core/error.ts";
import { SETTINGS, type SettingName } from "../core/settings.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { changeSettings, readSettingTexts } from "./change-settings.ts";
import type { Platform } from "./platform.ts";

export interface Feature {
  name: SettingName;
  description: string;
  enabled: boolean;
}

const NAMES = (Object.keys(SETTINGS) as SettingName[]).filter((name) => SETTINGS[name].kind === "switch");

/** By name. */
export async function listFeatures(app: App): Promise<Feature[]> {
  const texts = await readSettingTexts(app);
  return NAMES.map((name) => ({ name, description: SETTINGS[name].help, enabled: texts[name] === "on" }));
}

/** @throws AppError not_found */
export async function findFeature(app: App, name: string): Promise<Feature> {
  const found = (await listFeatures(app)).find((feature) => feature.name === name);
  if (found !== undefined) return found;
  throw new AppError("not_found", "Couldn't find that app feature.", {
    hint: `Features are ${NAMES.join(", ")}; all else is a setting: \`git heroku settings\`.`,
    resource: "feature",
  });
}

/** @throws AppError not_found */
export async function setFeature(
  platform: Platform,
  app: App,
  { name, enabled }: { name: string; enabled: boolean },
  actor: Actor,
): Promise<Feature> {
  const feature = await findFeature(app, name);
  await changeSettings(platform, app, { [feature.name]: enabled ? "on" : "off" }, actor);
  return { ...feature, enabled };
}
