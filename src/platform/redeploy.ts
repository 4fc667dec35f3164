/** releases:redeploy: the code of a release is built as it would be if it were pushed now, and released: with the buildpacks,
 *  the config vars and the tools of now. A push cannot do that, since git sends nothing that is there already. */
import { formatProcfile } from "../core/procfile.ts";
import { AppError } from "../core/error.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { currentOf } from "./current-release.ts";
import { deployAgain } from "./deploy-again.ts";
import { logBuild, recordBuild, type RecordedBuild } from "./ensure-slug.ts";
import type { Platform } from "./platform.ts";

/** @param from the release whose code it is; undefined for the current one
 *  @throws AppError invalid_params for a release without code, or when its code does not build: nothing was released;
 *    `ReleaseFailed` */
export async function redeploy(
  platform: Platform,
  app: App,
  from: Release | undefined,
  actor: Actor,
): Promise<Release> {
  const { code, version } = from ?? (await currentOf(app));
  if (code === undefined) {
    throw new AppError("invalid_params", `${formatVersion(version)} has no code to deploy.`, {
      hint: "Deploy with: git push production main",
    });
  }
  return app.pushes.run(async () => {
    const built = await build(platform, app, code, actor);
    const codeTree = (await app.ledger.resolveCommit(code))?.tree;
    const procfile = formatProcfile(built.slug.procfile);
    return deployAgain(platform, app, { actor, built }, { commit: code, codeTree, procfile });
  });
}

async function build(platform: Platform, app: App, commit: string, actor: Actor): Promise<RecordedBuild> {
  app.runningBuild = { commit, email: actor.by.email };
  try {
    return await logBuild(app, commit, actor, () => recordBuild(platform, app, { commit, actor }));
  } finally {
    app.runningBuild = undefined;
  }
}
