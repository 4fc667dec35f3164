/** A new app made of an archive of code: by what its app.json says (Heroku: "Platform API, App Setup"). The app appears with all of
 *  its set-up or not at all; then its first build begins. */
import { randomBytes } from "node:crypto";
import { parseAppJson, SECRET_BYTES } from "../core/app-json.ts";
import { makeSetup } from "../core/app-setup.ts";
import type { ConfigVars } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { textInArchive } from "../ledger/archive-code.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { buildArchive, fetchArchive, findPlace, type ArchiveOrder } from "./build-archive.ts";
import { createApp } from "./create-app.ts";
import type { Platform } from "./platform.ts";
import { createSource, findSource, storeSource } from "./sources.ts";

export interface SetupOrder {
  archive: ArchiveOrder;
  /** Made up when left out. */
  name: string | undefined;
  /** Go before what app.json says. */
  env: ConfigVars;
  /** Instead of those of app.json. */
  buildpacks: readonly string[] | undefined;
}

const APP_JSON = "app.json";
const FETCH_PATIENCE_MS = 60_000;

/** @throws AppError invalid_params for an archive that cannot be had, or an app.json that cannot be used; then nothing is made */
export async function setUpFromArchive(platform: Platform, order: SetupOrder, actor: Actor): Promise<App> {
  const { file, archive } = await keep(platform, order.archive);
  const text = await textInArchive(file, APP_JSON);
  if (text === undefined) {
    throw new AppError("invalid_params", "The archive has no app.json.", {
      hint: "Code without one needs no set-up: POST /apps, then POST /apps/APP/builds.",
    });
  }
  const made = makeSetup(parseAppJson(text), order.env, () => randomBytes(SECRET_BYTES).toString("hex"));
  const setup = { ...made, ...(order.buildpacks && { buildpacks: order.buildpacks }) };
  const app = await createApp(platform, { name: order.name, setup }, actor);
  await buildArchive(platform, app, archive, actor);
  return app;
}

/** What is elsewhere becomes a source of the platform: what is read now and what is built are the same then. */
async function keep(platform: Platform, archive: ArchiveOrder): Promise<{ file: string; archive: ArchiveOrder }> {
  const place = await findPlace(platform, archive);
  if ("file" in place) return { file: place.file, archive };
  const signal = AbortSignal.any([platform.closing, AbortSignal.timeout(FETCH_PATIENCE_MS)]);
  const { put, get } = await createSource(platform);
  await storeSource(platform, put, await fetchArchive(place.url, signal));
  return { file: await findSource(platform, get), archive: { ...archive, url: `${platform.apiUrl}/sources/${get}` } };
}
