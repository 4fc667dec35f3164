/** create: a new app with its keys, its repository and its first release, v1. */
import { join } from "node:path";
import { makeAppName, parseAppName, type AppName } from "../core/app-name.ts";
import type { AppSetup } from "../core/app-setup.ts";
import { AppError } from "../core/error.ts";
import { createAppKeys, loadAppKeys } from "../ledger/app-keys.ts";
import { ConfigCipher } from "../ledger/config-cipher.ts";
import { createRepository } from "../ledger/create-repository.ts";
import { initialRelease } from "../ledger/initial-release.ts";
import { Ledger } from "../ledger/ledger.ts";
import { exists } from "./home.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { writeHookEnv } from "./open-app.ts";
import { nameTaken } from "./former-names.ts";
import type { Platform } from "./platform.ts";
import { updateRoute } from "./route.ts";
import { checkSetup, setUpApp } from "./set-up-app.ts";

const NAME_TRIES_MAX = 20;

/** What an app is made with. */
export interface NewApp {
  /** Made up when left out. */
  name?: string | undefined;
  setup?: AppSetup | undefined;
}

/** The keys are on disk before the repository appears, and the repository appears whole, first release included:
 *  a crash leaves either no app or a complete one.
 *  @throws AppError invalid_params when the name is malformed or taken, or something of the set-up is not as it must be. */
export async function createApp(platform: Platform, wanted: NewApp | string, actor: Actor): Promise<App> {
  const { name: asked, setup = {} } = typeof wanted === "string" ? { name: wanted } : wanted;
  const name = asked === undefined ? freeName(platform) : parseAppName(asked);
  checkSetup(setup);
  platform.reserve(name);
  try {
    // A repository that is not open, of a restored backup say, has a key of its own: none must be made for it.
    if (await exists(platform.home.repo(name))) throw nameTaken(name);
    const keys = await createAppKeys(platform.home.configKeys(name));
    const first = initialRelease(actor.by, actor.via, keys.publicKey);
    await createRepository(platform.home.repo(name), {
      hooksPath: platform.hooks.dir,
      prepare: (path) =>
        prepareRepository(platform, path, async (ledger) => {
          await ledger.append(() => Promise.resolve(first));
          const cipher = new ConfigCipher(await loadAppKeys(platform.home.configKeys(name)));
          await setUpApp(ledger, cipher, setup, actor);
        }),
    });
    const app = await platform.openApp(name);
    for (const release of (await app.ledger.list({ max: 2 })).toReversed()) app.logRelease(actor, release);
    await updateRoute(platform, app);
    return app;
  } finally {
    platform.unreserve(name);
  }
}

async function prepareRepository(
  platform: Platform,
  path: string,
  write: (ledger: Ledger) => Promise<void>,
): Promise<void> {
  await writeHookEnv(path, platform.hooks.env);
  const ledger = await Ledger.open({ ...platform.ledgerParts(), repoPath: path, indexPath: join(path, "ledger.idx") });
  try {
    await write(ledger);
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
