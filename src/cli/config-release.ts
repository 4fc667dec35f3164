/** Config vars of the present or, with `--release`, of any release. */
import { parseVersion } from "../core/release.ts";
import type { Context, Option } from "./command.ts";

export const RELEASE_OPTION: Option = { name: "release", value: "VERSION", summary: "as of this release, such as v70" };

export function readVars({ client, args }: Context, app: string): Promise<Record<string, string>> {
  const version = args.value("release");
  return version === undefined ? client.config(app) : client.releaseConfig(app, parseVersion(version));
}
