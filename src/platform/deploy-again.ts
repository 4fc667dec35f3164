/** A deploy of code that the repository has already: with the config of now, and the deploy branch at its commit afterwards. */
import { describeDeploy, type Release, type ReleaseChange } from "../core/release.ts";
import { DEPLOY_REFS } from "../ledger/deploy-branch.ts";
import type { Snapshot } from "../ledger/release-writer.ts";
import type { App } from "./app.ts";
import { launch } from "./launch.ts";
import { makeRelease, type Making } from "./make-release.ts";
import type { Platform } from "./platform.ts";

const [MAIN = ""] = DEPLOY_REFS;

export interface DeployedCode extends Pick<Snapshot, "codeTree" | "procfile"> {
  commit: string;
  /** `deploy` unless told otherwise. */
  change?: ReleaseChange;
  /** The subject of the release; `Deploy 20a5742` without one. */
  description?: string | undefined;
}

/** @throws ReleaseFailed when the release command did not succeed */
export async function deployAgain(
  platform: Platform,
  app: App,
  making: Making,
  { commit, change = "deploy", description = describeDeploy(commit), codeTree, procfile }: DeployedCode,
): Promise<Release> {
  const release = await makeRelease(platform, app, making, async ({ current }) => {
    if (current === undefined) throw new Error(`${app.name} has no release to start from`);
    const snapshot = await app.ledger.snapshot(current);
    const ref = (await app.ledger.deployBranch()) ?? MAIN;
    return {
      change,
      description,
      code: commit,
      snapshot: { ...snapshot, codeTree, procfile },
      deployRef: { ref, old: await app.ledger.ref(ref), new: commit },
    };
  });
  if (release === undefined) throw new Error("a deploy always makes a release");
  await launch(platform, app, "launch");
  return release;
}
