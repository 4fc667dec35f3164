/** What the repositories' hooks need to know of this machine, worked out once at the start of the daemon. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { chooseHookClient, formatHookEnv, type HookClient } from "../hook/hook-client.ts";
import type { Home } from "../platform/home.ts";
import type { HookFiles } from "../platform/platform.ts";
import { packageRoot } from "./version.ts";

export async function hookFiles(home: Home): Promise<{ client: HookClient; files: HookFiles }> {
  const client = await chooseHookClient(probe);
  const programs = join(packageRoot(), "dist", "bin");
  const env = formatHookEnv({
    client,
    node: process.execPath,
    nodeClient: join(programs, "hook-client.js"),
    daemon: join(programs, "platformd.js"),
    home: home.root,
    log: home.journal,
  });
  return { client, files: { dir: join(packageRoot(), "hooks"), env } };
}

/** What a program prints on both outputs; undefined when it cannot be run. */
function probe(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 5_000, encoding: "utf8" }, (error, stdout, stderr) => {
      resolve(error !== null && typeof error.code === "string" ? undefined : stdout + stderr);
    });
  });
}
