/** config:add and config:remove: one release for all the variables of a command, none when nothing changes. */
import { changeConfig, checkUntouched, type ConfigChange, type ConfigVars } from "../core/config-vars.ts";
import { describeConfigChange, type Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { makeRelease } from "./make-release.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";

/** The config vars of a release; of the current one unless another is named. */
export async function readConfig(app: App, release?: Release): Promise<ConfigVars> {
  const of = release ?? (await app.ledger.current());
  if (of === undefined) return {};
  return app.cipher.read((await app.ledger.snapshot(of)).configEnv);
}

/** @returns the vars as they are afterwards, and the release if one was made.
 *  @throws AppError invalid_params for a bad name or value; then nothing is changed. ReleaseFailed when the release
 *  command did not succeed with the new vars; then those before stay in force. */
export function setConfig(platform: Platform, app: App, change: ConfigChange, actor: Actor): Promise<ConfigOutcome> {
  return setConfigSince(platform, app, { change, since: undefined }, actor);
}

export interface ConfigOutcome {
  vars: ConfigVars;
  release: Release | undefined;
}

/** Like `setConfig`, for a change that somebody made looking at the release `since`.
 *  @throws AppError conflict too, when one of its names has got another value after that release. */
export async function setConfigSince(
  platform: Platform,
  app: App,
  { change, since }: { change: ConfigChange; since: number | undefined },
  actor: Actor,
): Promise<ConfigOutcome> {
  let vars: ConfigVars = {};
  const release = await makeRelease(platform, app, { actor }, async ({ current }) => {
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const snapshot = await app.ledger.snapshot(current);
    const now = await app.cipher.read(snapshot.configEnv);
    if (since !== undefined) checkUntouched(await readConfig(app, await app.ledger.get(since)), now, change);
    const result = changeConfig(now, change);
    vars = result.vars;
    if (result.added.length + result.removed.length === 0) return undefined;
    return {
      change: "config",
      description: describeConfigChange(result.added, result.removed),
      code: current.code,
      snapshot: { ...snapshot, configEnv: await app.cipher.change(snapshot.configEnv, change) },
    };
  });
  if (release === undefined) return { vars, release };
  await launch(platform, app, "launch");
  return { vars, release };
}
