/** config:add and config:remove: one release for all the variables of a command, none when nothing changes. */
import { changeConfig, type ConfigChange, type ConfigVars } from "../core/config-vars.ts";
import { describeConfigChange, type Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";

/** The config vars of a release; of the current one unless another is named. */
export async function readConfig(app: App, release?: Release): Promise<ConfigVars> {
  const of = release ?? (await app.ledger.current());
  if (of === undefined) return {};
  return app.cipher.read((await app.ledger.snapshot(of)).configEnv);
}

/** @returns the vars as they are afterwards, and the release if one was made.
 *  @throws AppError invalid_params for a bad name or value; then nothing is changed. */
export async function setConfig(
  platform: Platform,
  app: App,
  change: ConfigChange,
  actor: Actor,
): Promise<{ vars: ConfigVars; release: Release | undefined }> {
  let vars: ConfigVars = {};
  const release = await app.ledger.append(async ({ current }) => {
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const snapshot = await app.ledger.snapshot(current);
    const result = changeConfig(await app.cipher.read(snapshot.configEnv), change);
    vars = result.vars;
    if (result.added.length + result.removed.length === 0) return undefined;
    return {
      change: "config",
      description: describeConfigChange(result.added, result.removed),
      ...actor,
      status: "succeeded",
      code: current.code,
      snapshot: { ...snapshot, configEnv: await app.cipher.change(snapshot.configEnv, change) },
    };
  });
  if (release === undefined) return { vars, release };
  app.logRelease(actor, release);
  await launch(platform, app, "launch");
  return { vars, release };
}
