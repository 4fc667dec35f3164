/** git's own check of a repository that a daemon may be writing to. */
import { must } from "./deploy.ts";
import type { TestPlatform } from "./platform.ts";

/** @throws what git finds wrong. git 2.39 lists the objects first and reads the refs later, so it misses what was written in between:
 *  when the refs have moved during a look that found something, it looks again. */
export async function checkRepository(platform: TestPlatform, repo: string): Promise<void> {
  for (;;) {
    const before = await must(platform, repo, "for-each-ref");
    const { status, stdout, stderr } = await platform.exec(
      "git",
      ["fsck", "--strict", "--no-dangling", "--no-reflogs", "--no-progress"],
      { cwd: repo },
    );
    if (status === 0 && stdout === "") return;
    if ((await must(platform, repo, "for-each-ref")) === before) throw new Error(`git fsck: ${stdout}${stderr}`);
  }
}
