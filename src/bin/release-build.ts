/** Builds the code of a release on a developer's machine, by the builder of the platform. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSlug } from "../build/build-slug.ts";
import { pickToolEnv } from "../build/tool-env.ts";
import type { ReleaseBuild } from "../cli/command.ts";
import { systemClock } from "./system-clock.ts";

const run = promisify(execFile);

/** Gives the directory of the built code, which may be written to.
 *  @throws AppError invalid_params when the build fails, unavailable when it is cancelled. */
export async function buildRelease(build: ReleaseBuild): Promise<string> {
  const { repo, commit, tree, directory, env, output, signal } = build;
  const packages = { npm_config_cache: join(env["HOME"] ?? directory, ".npm"), ...env };
  const slug = await buildSlug({
    repo,
    commit,
    tree,
    appDir: directory,
    toolEnv: pickToolEnv(packages),
    output,
    signal,
    clock: systemClock,
  });
  // A slug is for many processes; this one is thrown away.
  await run("chmod", ["-R", "u+w", slug.dir]);
  return slug.dir;
}
