/** buildpacks, buildpacks:set, :add, :remove and :clear: what the next deploy is built with. Makes no release. */
import { createHash } from "node:crypto";
import type { BuildSettings } from "../build/build-slug.ts";
import type { BuildConfig } from "../build/choose-packs.ts";
import type { ChosenBuildpack } from "../build/fetch-buildpack.ts";
import type { FirstDeploy } from "../build/slug-store.ts";
import { readAppState } from "../core/app-state.ts";
import { BUILDPACK_VAR, checkBuildpacks, normalBuildpack, readBuildpacks } from "../core/buildpack.ts";
import { changeConfig } from "../core/config-vars.ts";
import { appUser } from "../core/app-user.ts";
import { BuildSandbox } from "../formation/build-sandbox.ts";
import { mayShareSlugs } from "../formation/isolation.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

const FILE = "buildpacks";

/** In the order in which they run. */
export async function listBuildpacks(app: App): Promise<string[]> {
  return readBuildpacks((await app.ledger.readState())[FILE]);
}

/** The whole list at once, as Heroku's clients send it.
 *  @throws AppError invalid_params for what is no buildpack, or is named twice; then nothing is changed */
export async function setBuildpacks(app: App, texts: readonly string[], actor: Actor): Promise<string[]> {
  const names = checkBuildpacks(texts);
  const words = names.length === 0 ? "Clear buildpacks" : `Set buildpacks ${names.join(", ")}`;
  const hasChanged = await app.ledger.changeState({ ...actor, message: words }, (files) => {
    const { [FILE]: _before, ...others } = files;
    return names.length === 0 ? others : { ...others, [FILE]: names };
  });
  if (hasChanged) app.logChange(actor, words);
  return names;
}

export interface BuildInputs {
  buildpacks: readonly ChosenBuildpack[];
  config: BuildConfig;
  settings: BuildSettings;
  /** Whether the slug may have files in common with others. */
  shares: boolean;
  /** Of the tools, where the machine has one and the app does not do without. */
  sandbox: BuildSandbox | undefined;
}

/** What a build that begins now is done with. A config var goes before the list, as on Heroku. */
export async function buildInputs(platform: Platform, app: App): Promise<BuildInputs> {
  const isolation = await platform.isolation;
  const current = await app.ledger.current();
  const configEnv = current === undefined ? "" : (await app.ledger.snapshot(current)).configEnv;
  const read = (): ReturnType<BuildConfig["read"]> => app.cipher.read(configEnv);
  // An unchanged var keeps its ciphertext; so this is the same for the same config, and tells nothing of it.
  const config = { key: createHash("sha256").update(configEnv).digest("hex"), read };
  const named = configEnv.includes(`\n${BUILDPACK_VAR}=`) ? (await read())[BUILDPACK_VAR] : undefined;
  const state = await app.ledger.readState();
  const texts = named === undefined || named === "" ? readBuildpacks(state[FILE]) : [normalBuildpack(named)];
  const { buildTimeoutMs: timeLimitMs, slugBytesMax: sizeBytesMax, sandbox } = readAppState(state).settings;
  return {
    buildpacks: texts.map((source) => ({ source })),
    config,
    settings: { timeLimitMs, sizeBytesMax },
    shares: mayShareSlugs(isolation, { sandbox }),
    sandbox: sandbox ? BuildSandbox.of(isolation, appUser(app.id), platform.home.app(app.name)) : undefined,
  };
}

/** The config of an app's first deploy: what its buildpack asks for is added where the app has nothing of that name. */
export async function firstConfig(app: App, configEnv: string, first: FirstDeploy): Promise<string> {
  const now = await app.cipher.read(configEnv);
  const missing = Object.fromEntries(Object.entries(first.configVars).filter(([name]) => !Object.hasOwn(now, name)));
  changeConfig(now, missing);
  return app.cipher.change(configEnv, missing);
}

/** In words for the person who pushes. */
export function describeFirst({ configVars, addons }: FirstDeploy): string {
  const names = Object.keys(configVars);
  const vars = names.length === 0 ? "" : `-----> Adding config vars of the buildpack: ${names.join(", ")}\n`;
  return addons.length === 0
    ? vars
    : `${vars} !     The buildpack asks for add-ons, which this platform does not have: ${addons.join(", ")}\n`;
}
