/** What a push tells of how its release comes up, where the app wants that: with a health path, with auto-rollback, or with
 *  `verify-deploy=on`. The push has been accepted whatever it says. */
import { formatVersion, type Release } from "../core/release.ts";
import type { Settings } from "../core/settings.ts";
import type { WebHealth } from "../formation/web-health.ts";
import type { App } from "./app.ts";
import { describeStandIn, describeUnhealthy, ROLLBACK_ADVICE } from "./web-health.ts";

export function wantsVerifying({ autoRollback, healthPath, verifyDeploy }: Settings): boolean {
  return verifyDeploy || autoRollback || healthPath !== undefined;
}

/** @param launched resolves when the release was launched */
export async function verifyDeploy(
  app: App,
  { version }: Release,
  launched: Promise<void>,
  output: (text: string) => void,
): Promise<void> {
  output("-----> Verifying deploy...\n");
  await launched;
  const health = await webHealthOf(app, version);
  if (health === undefined) return output(`       ${formatVersion(version)} was not waited for\n`);
  if (health.verdict === "none") return output("       No web processes to wait for\n");
  if (health.verdict === "healthy") return output(`       web is up in ${formatVersion(version)}\n`);
  const rolledBack = await app.healing;
  const meanwhile = health.standIn === undefined ? "nothing serves" : describeStandIn(health.standIn);
  output(`\n !     ${describeUnhealthy(health)}; ${meanwhile}.\n`);
  output(` !     ${nextStep(health, rolledBack)}\n\n`);
}

function nextStep({ ps = "web" }: WebHealth, rolledBack: Release | undefined): string {
  if (rolledBack !== undefined) {
    return `${rolledBack.description} by the platform, ${formatVersion(rolledBack.version)} (auto-rollback).`;
  }
  return `See git heroku logs --ps ${ps}; ${ROLLBACK_ADVICE}`;
}

/** Undefined when another release took its place, or the app is being closed. */
async function webHealthOf(app: App, version: number): Promise<WebHealth | undefined> {
  while (app.launchedVersion === version && !app.isEnding) {
    // Listened for before the look, so that nothing that happens meanwhile is missed.
    const change = app.formation.changed(app.ending);
    const { webHealth } = app.formation;
    if (app.formation.isCurrent && webHealth.release === version && webHealth.verdict !== "awaited") return webHealth;
    await change;
  }
  return undefined;
}
