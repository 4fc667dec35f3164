/** Forgets what builds have kept for the next one. */
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { remove } from "../build/slug-files.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** @throws AppError conflict while something is built */
export async function clearBuildCache(platform: Platform, app: App, actor: Actor): Promise<void> {
  if (app.pushes.length > 0) {
    throw new AppError("conflict", `${app.name} is being built; its cache is in use.`, {
      hint: "Try again when the build has ended: git heroku builds",
    });
  }
  await app.pushes.run(() => remove(join(platform.home.app(app.name), "cache")));
  app.logChange(actor, "Clear build cache");
}
