/** announce-push: git has moved the refs of a push. Launches what was deployed, and tells how to deploy the rest. */
import { formatVersion } from "../core/release.ts";
import type { App } from "./app.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";
import { verifyDeploy, wantsVerifying } from "./verify-deploy.ts";
import { BRANCH_PREFIX, ZERO_OID, type RefCommand } from "./receive-push.ts";

export async function announcePush(
  platform: Platform,
  app: App,
  updates: readonly RefCommand[],
  output: (text: string) => void,
): Promise<void> {
  platform.upkeep.wrote(app);
  const deployRef = (await app.ledger.deployBranch()) ?? `${BRANCH_PREFIX}main`;
  for (const update of updates) {
    if (update.ref === deployRef) await announceLaunch(platform, app, update, output);
    else if (!ZERO_OID.test(update.new)) announceStored(update, deployRef, output);
  }
}

async function announceLaunch(
  platform: Platform,
  app: App,
  update: RefCommand,
  output: (text: string) => void,
): Promise<void> {
  const release = (await app.ledger.list({ max: 20 })).find(
    (one) => one.code === update.new && one.change === "deploy" && one.status === "succeeded",
  );
  if (release === undefined) return;
  const launched = launchAfterPush(platform, app);
  output(`-----> Launching... done, ${formatVersion(release.version)}\n`);
  output(`       ${platform.webUrl(app.name)} deployed to Heroku\n`);
  const { settings, postdeploy } = await app.state();
  if (postdeploy !== undefined)
    output("-----> Running the postdeploy command once; see it with: git heroku logs --ps run\n");
  if (wantsVerifying(settings)) await verifyDeploy(app, release, launched, output);
}

/** The pusher's git has its last words to say, on the same processors that the new processes will boot on. */
const PUSH_END_MS = 15;

async function launchAfterPush(platform: Platform, app: App): Promise<void> {
  await platform.clock.sleep(PUSH_END_MS, app.ending);
  await launch(platform, app, "launch");
}

function announceStored(update: RefCommand, deployRef: string, output: (text: string) => void): void {
  const target = deployRef.slice(BRANCH_PREFIX.length);
  if (update.ref.startsWith(BRANCH_PREFIX)) {
    const branch = update.ref.slice(BRANCH_PREFIX.length);
    output(`-----> ${branch} is stored, not deployed. To deploy it: git push production ${branch}:${target}\n`);
  } else if (update.ref.startsWith("refs/tags/")) {
    const tag = update.ref.slice("refs/tags/".length);
    output(
      `-----> The tag ${tag} is stored, not deployed. To deploy it: git push production ${tag}^{commit}:refs/heads/${target}\n`,
    );
  }
}
