/** A release of code that was built before, with the config of now: what `heroku releases:retry` asks for. */
import { describeDeploy, type Release } from "../core/release.ts";
import { DEPLOY_REFS } from "../ledger/deploy-branch.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { ensureSlug } from "./ensure-slug.ts";
import { launch } from "./launch.ts";
import { makeRelease } from "./make-release.ts";
import type { Platform } from "./platform.ts";
import { findReleaseOfSlug } from "./release-slugs.ts";

const [MAIN = ""] = DEPLOY_REFS;

export interface SlugOrder {
  /** Its id, as releases name it. */
  slug: string;
  /** The subject of the release; `Deploy 20a5742` without one. */
  description: string | undefined;
}

/** It is a deploy, so the deploy branch is at its commit afterwards.
 *  @throws AppError not_found for an unknown slug, ReleaseFailed when the release command did not succeed */
export async function releaseSlug(platform: Platform, app: App, order: SlugOrder, actor: Actor): Promise<Release> {
  const source = await findReleaseOfSlug(app, order.slug);
  const { code = "", version } = source;
  await ensureSlug(platform, app, source);
  const release = await makeRelease(platform, app, { actor, slugOf: version }, async ({ current }) => {
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const [built, now] = await Promise.all([app.ledger.snapshot(source), app.ledger.snapshot(current)]);
    const ref = (await app.ledger.deployBranch()) ?? MAIN;
    return {
      change: "deploy",
      description: order.description ?? describeDeploy(code),
      code,
      snapshot: { ...now, codeTree: built.codeTree, procfile: built.procfile },
      deployRef: { ref, old: await app.ledger.ref(ref), new: code },
    };
  });
  if (release === undefined) throw new Error("a deploy always makes a release");
  await launch(platform, app, "launch");
  return release;
}
