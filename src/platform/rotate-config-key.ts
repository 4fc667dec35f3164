/** config:rotate-key: a new key for an app's config vars, and one release whose lines are all encrypted for it. */
import type { Release } from "../core/release.ts";
import { addAppKey } from "../ledger/app-keys.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { resealDrains } from "./drains.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";

/** The key is on disk before anything is encrypted for it. A crash between the two leaves the ledger as it was and a
 *  newer key in the file, for which the next change of config, whatever it is, encrypts everything.
 *  @throws AppError unavailable when the key file, or a value, cannot be read; then nothing is changed. */
export async function rotateConfigKey(platform: Platform, app: App, actor: Actor): Promise<Release> {
  let hasNewKey = false;
  const release = await app.ledger.append(async ({ current }) => {
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const snapshot = await app.ledger.snapshot(current);
    // What cannot be decrypted now could not be encrypted again: better to know before there is a new key.
    await app.cipher.read(snapshot.configEnv);
    if (!hasNewKey) app.cipher.useKeys(await addAppKey(platform.home.configKeys(app.name), app.cipher.keys));
    hasNewKey = true;
    return {
      change: "config",
      description: "Config rotate key",
      ...actor,
      status: "succeeded",
      code: current.code,
      snapshot: { ...snapshot, configEnv: await app.cipher.change(snapshot.configEnv, {}) },
    };
  });
  if (release === undefined) throw new Error("a new key always makes a release");
  app.logRelease(actor, release);
  await resealDrains(app, actor);
  await launch(platform, app, "launch");
  return release;
}
