/** scale: changes quantities in `formation.json`; makes no release. */
import { quantityOf, readAppState } from "../core/app-state.ts";
import { changeQuantities, type QuantityChange } from "../core/formation-plan.ts";
import { formationTypes, parseProcfile, type Procfile } from "../core/procfile.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";

/** The process types of the current release; empty before the first deploy. */
export async function processTypes(app: App): Promise<Procfile> {
  const release = await app.ledger.current();
  const procfile = release && (await app.ledger.snapshot(release)).procfile;
  return procfile === undefined ? new Map() : parseProcfile(procfile);
}

/** @returns the types that were named, with their new quantities.
 *  @throws AppError not_found for an unknown type, invalid_params for a quantity out of range; then nothing changes. */
export async function scale(
  platform: Platform,
  app: App,
  changes: readonly QuantityChange[],
  actor: Actor,
): Promise<Map<string, number>> {
  const procfile = await processTypes(app);
  const [before, scaled] = [new Map<string, number>(), new Map<string, number>()];
  const asked = changes.map(
    ({ type, mode, amount }) => `${type}${mode === "set" ? "=" : amount < 0 ? "" : "+"}${String(amount)}`,
  );
  await app.ledger.changeState({ ...actor, message: `Scale ${asked.join(" ")}` }, (files) => {
    const { quantities, settings } = readAppState(files);
    const all = Object.fromEntries(formationTypes(procfile).map((type) => [type, quantityOf(quantities, type)]));
    const next = changeQuantities(all, changes, procfile, settings.maxPerType);
    for (const { type } of changes) {
      before.set(type, all[type] ?? 0);
      scaled.set(type, next[type] ?? 0);
    }
    return { ...files, formation: { ...quantities, ...Object.fromEntries(scaled) } };
  });
  app.logChange(actor, `Scale to ${[...scaled].map(([type, quantity]) => `${type}=${String(quantity)}`).join(" ")}`);
  for (const [type, quantity] of scaled) {
    app.tell({ entity: "api:formation", by: actor.by, type, quantity, before: before.get(type) ?? 0 });
  }
  await launch(platform, app, "scale");
  return scaled;
}
