/** ps:limits: what the processes of a type may use. Memory counts at once, the rest from the next start on; makes no
 *  release. */
import { AppError } from "../core/error.ts";
import { checkType } from "../core/formation-plan.ts";
import { changeLimits, checkLimit, LIMIT_NAMES, limitTexts, type LimitTexts } from "../core/limits.ts";
import { formationTypes } from "../core/procfile.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";
import { processTypes } from "./scale.ts";

/** Every process type of the current release, and its limits. */
export async function readLimitTexts(app: App): Promise<Map<string, LimitTexts>> {
  const [procfile, files] = await Promise.all([processTypes(app), app.ledger.readState()]);
  const texts = limitTexts(files["limits"]);
  return new Map(formationTypes(procfile).map((type) => [type, texts.get(type) ?? {}]));
}

/** @param change limit → text, or null for none.
 *  @throws AppError not_found for an unknown type, invalid_params for a text that does not fit; then nothing is changed. */
export async function setLimits(
  platform: Platform,
  app: App,
  { type, change }: { type: string; change: LimitTexts },
  actor: Actor,
): Promise<void> {
  for (const name of LIMIT_NAMES) {
    const text = change[name];
    if (typeof text === "string") checkLimit(name, text);
  }
  checkType(type, await processTypes(app));
  const words = LIMIT_NAMES.flatMap((name) =>
    change[name] === undefined ? [] : [`${name}=${change[name] ?? "none"}`],
  );
  if (words.length === 0) {
    throw new AppError("invalid_params", "No limit is named.", { hint: `Limits are ${LIMIT_NAMES.join(", ")}.` });
  }
  const what = `Limit ${type} to ${words.join(", ")}`;
  const hasChanged = await app.ledger.changeState({ ...actor, message: what }, (files) => ({
    ...files,
    limits: changeLimits(files["limits"], type, change),
  }));
  if (!hasChanged) return;
  app.logChange(actor, what);
  await launch(platform, app, "scale");
}
