/** What lies in the directory of a run before anything runs, and its control groups. */
import { accessSync, chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeAppDirectory, viewOf } from "./app-directory.ts";
import { makeCgroup } from "./cgroup.ts";
import { giveAll, giveOnce } from "./give-files.ts";
import { CHANGES, OVERLAY_DIRECTORIES, type RunPlan } from "./run-plan.ts";
import type { StartSpec } from "./runtime.ts";

export async function layOut(directory: string, plan: RunPlan, spec: StartSpec, signal: AbortSignal): Promise<void> {
  const app = join(directory, "app");
  writeFileSync(join(directory, "out"), "", { mode: 0o600, flag: "a" });
  if (plan.view === "files") await makeAppDirectory(spec.appDir, app, signal);
  else {
    accessSync(spec.appDir);
    mkdirSync(app);
  }
  if (plan.view === "overlay") for (const name of OVERLAY_DIRECTORIES) mkdirSync(join(directory, name));
  if (plan.sandbox !== undefined) {
    mkdirSync(join(directory, "tmp"));
    // For whatever user the app may become; the platform's umask is not the app's.
    chmodSync(join(directory, "tmp"), 0o1777);
  }
  if (plan.user !== undefined) await giveToUser(directory, plan, plan.user);
  if (plan.bonds.cgroup !== undefined) makeCgroup(plan.bonds.cgroup, spec.limits ?? {});
}

async function giveToUser(directory: string, { view, spec }: RunPlan, user: number): Promise<void> {
  // Programs open what they write to once more, by /dev/stdout.
  chownSync(join(directory, "out"), user, user);
  if (view === "files") return giveAll(join(directory, "app"), user);
  if (view === "overlay") chownSync(join(directory, CHANGES), user, user);
  for (const built of viewOf(spec.appDir).directories) await giveOnce(built, user);
}
