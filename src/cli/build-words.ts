/** How a build stands. */
import type { BuildItem } from "../api/build-resources.ts";
import { formatVersion } from "../core/release.ts";

/** `succeeded, v74` */
export function describeBuildState({ status, release }: BuildItem): string {
  return release === null ? status : `${status}, ${formatVersion(release.version)}`;
}
