/** The command of app.json that runs once, as a one-off process, after an app's first deploy. */
import type { AppState } from "../core/app-state.ts";
import { AppError } from "../core/error.ts";
import { PLATFORM_PERSON } from "../core/person.ts";
import { ONE_OFF_TIME_MAX_MS } from "../formation/one-offs.ts";
import { idOfObject, type App } from "./app.ts";
import type { LoadedRelease } from "./launch.ts";
import type { Platform } from "./platform.ts";

const FILE = "postdeploy";

type PostdeployCargo = Omit<LoadedRelease, "procfile">;

/** Starts it where it is still to run; never rejects. It counts as run when it has been started: the state forgets it then. Its
 *  process has the same id whoever starts it, so a daemon that was killed in between leaves the next one a process to find. */
export async function runPostdeploy(
  platform: Platform,
  app: App,
  { postdeploy: command }: AppState,
  { version, cargo }: { version: number; cargo: PostdeployCargo },
): Promise<void> {
  if (command === undefined) return;
  try {
    await start(app, command, version, cargo);
    const actor = { by: PLATFORM_PERSON, via: "platform" };
    await app.ledger.changeState({ ...actor, message: "Run the postdeploy command" }, (files) => {
      const { [FILE]: _done, ...others } = files;
      return others;
    });
  } catch (error) {
    if (app.isEnding) return;
    if (!(error instanceof AppError)) platform.journal.fault(`the postdeploy command of ${app.name}`, error);
    const reason = error instanceof AppError ? error.message : "a fault of the platform.";
    app.log("api", `The postdeploy command did not start, and is tried again with the next launch: ${reason}`);
  }
}

async function start(
  app: App,
  command: string,
  release: number,
  { appDir, env, confinement }: PostdeployCargo,
): Promise<void> {
  const id = await processId(app);
  await app.oneOffs.adopted();
  if (app.oneOffs.list().some((one) => one.id === id)) return;
  app.log("api", `Run the postdeploy command \`${command}\``);
  const cargo = { appDir, env, ...(confinement && { confinement }) };
  await app.oneOffs.start({ id, release, command, cargo, timeLimitMs: ONE_OFF_TIME_MAX_MS });
}

/** Made of the end of v1's object id; of its beginning the app's own id is made. */
async function processId(app: App): Promise<string> {
  return idOfObject((await app.ledger.get(1)).oid.slice(8).padEnd(40, "0"));
}
