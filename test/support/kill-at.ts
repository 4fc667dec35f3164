/** kill -9 of the daemon at a moment that shows in its home. */
import { watch } from "node:fs";
import { join } from "node:path";
import type { ExecResult, TestPlatform } from "./platform.ts";

/** A change in a directory of the home; the first one, unless told which. */
export interface Moment {
  dir: string;
  isMoment?: (name: string) => boolean | Promise<boolean>;
}

/** Runs the action and kills the daemon at the first change in a directory of the home for which `isMoment` holds. */
export async function killAt<T = ExecResult>(
  platform: TestPlatform,
  moment: Moment,
  action: () => Promise<T>,
): Promise<T> {
  let killed: Promise<void> | undefined;
  const watcher = watch(join(platform.home, moment.dir), { recursive: false }, (_, name) => {
    void (async () => {
      if (killed === undefined && (await (moment.isMoment?.(name ?? "") ?? true))) killed ??= platform.kill();
    })();
  });
  try {
    const result = await action();
    killed ??= platform.kill();
    await killed;
    return result;
  } finally {
    watcher.close();
  }
}
