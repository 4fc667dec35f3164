/** What a new app has besides its first release: config vars as v2, formation, buildpacks, settings, and a command that is
 *  to run after the first deploy. Written before the repository gets its name, so that an app has all of it or is not there. */
import type { AppSetup } from "../core/app-setup.ts";
import { checkBuildpacks } from "../core/buildpack.ts";
import { changeConfig, type ConfigVars } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { isQuantity, isScalableType, QUANTITY_MAX } from "../core/formation-plan.ts";
import type { Json } from "../core/json.ts";
import { describeConfigChange } from "../core/release.ts";
import { checkSetting, parseSettingName } from "../core/settings.ts";
import type { ConfigCipher } from "../ledger/config-cipher.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Actor } from "./actor.ts";
import { checkCommand } from "./run-detached.ts";

/** @throws AppError invalid_params for what the commands would refuse one by one */
export function checkSetup({ config_vars, formation, buildpacks, settings, postdeploy }: AppSetup): void {
  changeConfig({}, config_vars ?? {});
  checkBuildpacks(buildpacks ?? []);
  for (const [name, text] of Object.entries(settings ?? {})) checkSetting(parseSettingName(name), text);
  for (const [type, quantity] of Object.entries(formation ?? {})) checkFormation(type, quantity);
  if (postdeploy !== undefined) checkCommand(postdeploy);
}

/** Before the first deploy nobody knows which types there will be. */
function checkFormation(type: string, quantity: number): void {
  if (isScalableType(type) && isQuantity(quantity)) return;
  throw new AppError("invalid_params", `${type.slice(0, 60)}=${String(quantity)} is no formation.`, {
    hint: `A quantity is a whole number from 0 to ${String(QUANTITY_MAX)}, of a process type that is not one-off.`,
  });
}

/** @param ledger of the repository that is being made, v1 in it */
export async function setUpApp(ledger: Ledger, cipher: ConfigCipher, setup: AppSetup, actor: Actor): Promise<void> {
  await setConfigVars(ledger, cipher, setup.config_vars ?? {}, actor);
  const files = stateFiles(setup);
  if (Object.keys(files).length === 0) return;
  await ledger.changeState({ ...actor, message: "Set up by app.json" }, (state) => ({ ...state, ...files }));
}

async function setConfigVars(
  ledger: Ledger,
  cipher: ConfigCipher,
  vars: ConfigVars,
  { by, via }: Actor,
): Promise<void> {
  const names = Object.keys(vars);
  if (names.length === 0) return;
  await ledger.append(async ({ current }) => {
    if (current === undefined) throw new Error("an app that is set up has its first release");
    const snapshot = await ledger.snapshot(current);
    return {
      change: "config",
      description: describeConfigChange(names, []),
      by,
      via,
      status: "succeeded",
      code: undefined,
      snapshot: { ...snapshot, configEnv: await cipher.change(snapshot.configEnv, vars) },
    };
  });
}

function stateFiles({ formation, buildpacks, settings, postdeploy }: AppSetup): Record<string, Json> {
  const files: Record<string, Json> = {
    ...(formation && { formation }),
    ...(buildpacks && { buildpacks: checkBuildpacks(buildpacks) }),
    ...(settings && { settings }),
    ...(postdeploy !== undefined && { postdeploy: { command: postdeploy } }),
  };
  return Object.fromEntries(Object.entries(files).filter(([, value]) => Object.keys(value as object).length > 0));
}
