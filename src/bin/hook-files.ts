/** What the repositories' hooks need to know of this machine, worked out once at the start of the daemon. */
import { join } from "node:path";
import { findProgram } from "../formation/find-program.ts";
import { chooseHookClient, formatHookEnv, ncEndSwitch, type HookClient, type Probe } from "../hook/hook-client.ts";
import { probeProgram } from "../hook/probe-program.ts";
import type { Home } from "../platform/home.ts";
import type { HookFiles } from "../platform/platform-parts.ts";
import { packageRoot } from "./version.ts";

export async function hookFiles(home: Home): Promise<{ client: HookClient; files: HookFiles }> {
  const nc = await findProgram("nc");
  // Asked once for both.
  const ncUsage = nc === undefined ? undefined : probeProgram(nc, ["-h"]);
  const probe: Probe = async (command, args) => (command === "nc" ? ncUsage : probeProgram(command, args));
  const [client, ncEnd] = await Promise.all([chooseHookClient(probe), ncEndSwitch(probe)]);
  const programs = join(packageRoot(), "dist", "bin");
  const env = formatHookEnv({
    client,
    nc,
    ncEnd,
    node: process.execPath,
    nodeClient: join(programs, "hook-client.js"),
    daemon: join(programs, "platformd.js"),
    home: home.root,
    log: home.journal,
  });
  return { client, files: { dir: join(packageRoot(), "hooks"), env } };
}
