/** create: a new app with its keys, its repository and its first release, v1. */
import { join } from "node:path";
import { makeAppName, parseAppName, type AppName } from "../core/app-name.ts";
import { AppError } from "../core/error.ts";
import { createAppKeys } from "../ledger/app-keys.ts";
import { createRepository } from "../ledger/create-repository.ts";
import { initialRelease } from "../ledger/initial-release.ts";
import { Ledger } from "../ledger/ledger.ts";
import type { NewRelease } from "../ledger/release-writer.ts";
import { exists } from "./home.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { writeHookEnv } from "./open-app.ts";
import { nameTaken, type Platform } from "./platform.ts";
import { updateRoute } from "./route.ts";

const NAME_TRIES_MAX = 20;

/** The keys are on disk before the repository appears, and the repository appears whole, first release included:
 *  a crash leaves either no app or a complete one.
 *  @throws AppError invalid_params when the name is malformed or taken. */
export async function createApp(platform: Platform, wanted: string | undefined, actor: Actor): Promise<App> {
  const name = wanted === undefined ? freeName(platform) : parseAppName(wanted);
  platform.reserve(name);
  try {
    // A repository that is not open, of a restored backup say, has a key of its own: none must be made for it.
    if (await exists(platform.home.repo(name))) throw nameTaken(name);
    const keys = await createAppKeys(platform.home.configKeys(name));
    await createRepository(platform.home.repo(name), {
      hooksPath: platform.hooks.dir,
      prepare: (path) => prepareRepository(platform, path, initialRelease(actor.by, actor.via, keys.publicKey)),
    });
    const app = await platform.openApp(name);
    const release = await app.ledger.head();
    if (release) app.logRelease(actor, release);
    await updateRoute(platform, app);
    return app;
  } finally {
    platform.unreserve(name);
  }
}

async function prepareRepository(platform: Platform, path: string, first: NewRelease): Promise<void> {
  await writeHookEnv(path, platform.hooks.env);
  const ledger = await Ledger.open({ ...platform.ledgerParts(), repoPath: path, indexPath: join(path, "ledger.idx") });
  try {
    await ledger.append(() => Promise.resolve(first));
  } finally {
    await ledger.close();
  }
}

function freeName(platform: Platform): AppName {
  for (let tries = 0; tries < NAME_TRIES_MAX; tries += 1) {
    const name = makeAppName(platform.random);
    if (!platform.isTaken(name)) return name;
  }
  throw new AppError("conflict", "No free app name was found.", { hint: "Give one: git heroku create NAME" });
}
