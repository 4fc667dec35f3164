/** What waits in a process of an app, or in its build, until the test lets it through. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestPlatform } from "./platform.ts";

export interface Gate {
  /** Exists once the gate is open. */
  path: string;
  open(): Promise<void>;
}

/** Whatever the app's user is, its sandboxes show what is on the PATH.
 *  @param name of its own in the platform */
export function makeGate(platform: TestPlatform, name: string): Gate {
  const path = join(platform.bin, `gate-${name}`);
  return { path, open: () => writeFile(path, "") };
}
