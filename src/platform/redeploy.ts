/** releases:redeploy: the code of a release is built as it would be if it were pushed now, and released: with the buildpacks,
 *  the config vars and the tools of now. A push cannot do that, since git sends nothing that is there already. */
import { formatProcfile } from "../core/procfile.ts";
import { AppError } from "../core/error.ts";
import { describeDeploy, formatVersion, type Release } from "../core/release.ts";
import { DEPLOY_REFS } from "../ledger/deploy-branch.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { buildLog, logBuild, recordBuild, type RecordedBuild } from "./ensure-slug.ts";
import { launch } from "./launch.ts";
import { makeRelease } from "./make-release.ts";
import type { Platform } from "./platform.ts";

const [MAIN = ""] = DEPLOY_REFS;

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
  const release = await app.pushes.run(async () => {
    const built = await build(platform, app, code, actor);
    return record(platform, app, { code, built }, actor);
  });
  await launch(platform, app, "launch");
  return release;
}

async function currentOf(app: App): Promise<Release> {
  const current = await app.ledger.current();
  if (current === undefined) throw new Error(`${app.name} has no release to start from`);
  return current;
}

async function build(platform: Platform, app: App, commit: string, actor: Actor): Promise<RecordedBuild> {
  app.runningBuild = { commit, email: actor.by.email };
  const output = actor.output ?? buildLog(app);
  try {
    return await logBuild(app, commit, actor, () =>
      recordBuild(platform, app, { commit, actor: { ...actor, output } }),
    );
  } finally {
    app.runningBuild = undefined;
  }
}

async function record(
  platform: Platform,
  app: App,
  { code, built }: { code: string; built: RecordedBuild },
  actor: Actor,
): Promise<Release> {
  const codeTree = (await app.ledger.resolveCommit(code))?.tree;
  const release = await makeRelease(platform, app, { actor, built }, async ({ current }) => {
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const snapshot = await app.ledger.snapshot(current);
    const ref = (await app.ledger.deployBranch()) ?? MAIN;
    return {
      change: "deploy",
      description: describeDeploy(code),
      code,
      snapshot: { ...snapshot, codeTree, procfile: formatProcfile(built.slug.procfile) },
      // It is a deploy, so the deploy branch is at its commit afterwards.
      deployRef: { ref, old: await app.ledger.ref(ref), new: code },
    };
  });
  if (release === undefined) throw new Error("a deploy always makes a release");
  return release;
}
