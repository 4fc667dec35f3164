/** config:rotate-key: a new key for an app's config vars, and one release whose lines are all encrypted for it. */
import type { Release } from "../core/release.ts";
import { addAppKey } from "../ledger/app-keys.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { makeRelease } from "./make-release.ts";
import { resealDrains } from "./drains.ts";
import { launch } from "./launch.ts";
import { resealWebhooks } from "./webhooks.ts";
import type { Platform } from "./platform.ts";

/** The key is on disk before anything is encrypted for it. A crash between the two leaves the ledger as it was and a
 *  newer key in the file, for which the next change of config, whatever it is, encrypts everything.
 *  @throws AppError unavailable when the key file, or a value, cannot be read; then nothing is changed. */
export async function rotateConfigKey(platform: Platform, app: App, actor: Actor): Promise<Release> {
  let hasNewKey = false;
  // The values stay the same, so a release command would see nothing new, and must not stand in the way of a new key.
  const making = { actor, skipsPhase: true };
  const release = await makeRelease(platform, app, making, async ({ current }) => {
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const snapshot = await app.ledger.snapshot(current);
    // What cannot be decrypted now could not be encrypted again: better to know before there is a new key.
    await app.cipher.read(snapshot.configEnv);
    if (!hasNewKey) app.cipher.useKeys(await addAppKey(platform.home.configKeys(app.name), app.cipher.keys));
    hasNewKey = true;
    return {
      change: "config",
      description: "Config rotate key",
      code: current.code,
      snapshot: { ...snapshot, configEnv: await app.cipher.change(snapshot.configEnv, {}) },
    };
  });
  if (release === undefined) throw new Error("a new key always makes a release");
  await resealDrains(app, actor);
  await resealWebhooks(app, actor);
  await launch(platform, app, "launch");
  return release;
}
