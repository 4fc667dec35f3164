/** How a change of config ended. */
import { formatVersion } from "../core/release.ts";

/** `done, v11`; without a release there was nothing to restart for. */
export function describeRestart(version: number | undefined): string {
  return version === undefined ? "not needed, nothing changed" : `done, ${formatVersion(version)}`;
}
