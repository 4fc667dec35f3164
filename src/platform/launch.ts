/** launch: makes what runs equal to what the newest succeeded release says. Idempotent, so that a launch that was
 *  lost (a killed daemon, a lost post-receive) is repaired by the next one. */
import { appUser } from "../core/app-user.ts";
import { quantityOf } from "../core/app-state.ts";
import { formationTypes, parseProcfile, type Procfile } from "../core/procfile.ts";
import { describeDeploy, formatVersion, type Release } from "../core/release.ts";
import { AppError } from "../core/error.ts";
import type { Settings } from "../core/settings.ts";
import type { Snapshot } from "../ledger/release-writer.ts";
import type { App } from "./app.ts";
import { ensureSlug } from "./ensure-slug.ts";
import { noteSoon } from "./note-soon.ts";
import { runPostdeploy } from "./postdeploy.ts";
import type { Platform } from "./platform.ts";
import { updateRoute } from "./route.ts";

/** `launch`: a release; `start`: of the daemon; `sleep` and `wake`: by traffic; `settings`: what sleeps sleeps on. */
export type LaunchReason = "launch" | "scale" | "settings" | "sleep" | "start" | "wake";

/** Resolves when the formation was told; it boots and switches by itself afterwards. Never rejects: the change that asks
 *  for a launch stands whatever comes of it, so a failure is told in the app's log, a bug in the journal too. */
export async function launch(platform: Platform, app: App, reason: LaunchReason): Promise<void> {
  try {
    await tryLaunch(platform, app, reason);
  } catch (error) {
    if (app.isEnding) return;
    if (!(error instanceof AppError)) platform.journal.fault(`launching ${app.name}`, error);
    app.log("api", `Launch failed: ${error instanceof AppError ? explain(error) : "a fault of the platform"}`);
  } finally {
    if (reason === "launch" || reason === "start") noteSoon(platform, app);
  }
}

function explain({ message, hint }: AppError): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

async function tryLaunch(platform: Platform, app: App, reason: LaunchReason): Promise<void> {
  await app.launches.run(async () => {
    if (app.isEnding) return;
    const release = await app.ledger.current();
    if (release?.code !== undefined) await converge(platform, app, release, reason);
    await updateRoute(platform, app);
  });
}

async function converge(platform: Platform, app: App, release: Release, reason: LaunchReason): Promise<void> {
  const state = await app.state();
  const { appDir, procfile, env, confinement } = await loadRelease(platform, app, release);
  const quantities = Object.fromEntries(
    formationTypes(procfile).map((type) => [type, quantityOf(state.quantities, type)]),
  );
  app.formation.configure({ ...state.settings, limits: state.limits });
  app.oneOffs.configure(state.settings);
  await settleSleep(app, release, state.settings, reason);
  const asleep = app.sleep.types(procfile, state.settings);
  const target = { release: release.version, appDir, procfile, quantities, asleep, env, confinement };
  app.formation.converge(target, reason === "launch" || reason === "start" ? reason : "scale");
  app.launchedVersion = release.version;
  if (reason === "launch" || reason === "start") {
    await runPostdeploy(platform, app, state, { version: release.version, cargo: { appDir, env, confinement } });
  }
}

/** What the app is to be from now on, asleep or awake. */
async function settleSleep(app: App, release: Release, settings: Settings, reason: LaunchReason): Promise<void> {
  const { sleep } = app;
  if (!Number.isFinite(settings.autosleepMs)) return sleep.end();
  if (reason === "start") return sleep.recall(release.version);
  if (reason === "sleep") return sleep.begin(release.version);
  if (reason !== "settings") await sleep.end();
}

export interface LoadedRelease {
  /** The slug. */
  appDir: string;
  procfile: Procfile;
  /** Config vars and what the platform adds. */
  env: Readonly<Record<string, string>>;
  confinement: { sandbox: boolean; readOnly: boolean; user: number };
}

/** What a process of the release needs to run; its slug is built when the disk has lost it.
 *  @throws AppError invalid_params when the code cannot be built. */
export async function loadRelease(platform: Platform, app: App, release: Release): Promise<LoadedRelease> {
  return loadSnapshot(platform, app, { ...release, snapshot: await app.ledger.snapshot(release) });
}

/** What is known of a release before it is made. */
type Loadable = Pick<Release, "version" | "code" | "createdAt"> & { snapshot: Snapshot };

/** The same for a release that is still to be made. */
export async function loadSnapshot(platform: Platform, app: App, release: Loadable): Promise<LoadedRelease> {
  const { snapshot } = release;
  const { sandbox, readOnly } = (await app.state()).settings;
  const slug = await ensureSlug(platform, app, release);
  return {
    appDir: slug.dir,
    procfile: parseProcfile(snapshot.procfile ?? ""),
    env: { ...(await app.cipher.read(snapshot.configEnv)), ...platformVars(platform, app, release) },
    confinement: { sandbox, readOnly, user: appUser(app.id) },
  };
}

/** What the platform adds to the config vars, less what differs between processes (PORT, DYNO, HOME). These names are
 *  reserved, so no config var can stand in their way. */
function platformVars(platform: Platform, app: App, release: Loadable): Record<string, string> {
  const code = release.code ?? "";
  return {
    PATH: platform.processPath,
    HEROKU_APP_NAME: app.name,
    HEROKU_RELEASE_VERSION: formatVersion(release.version),
    HEROKU_RELEASE_CREATED_AT: new Date(release.createdAt).toISOString().replace(/\.\d+Z$/, "Z"),
    HEROKU_SLUG_COMMIT: code,
    HEROKU_SLUG_DESCRIPTION: describeDeploy(code),
  };
}
