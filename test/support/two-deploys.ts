/** An app with something to take back. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { must } from "./deploy.ts";
import type { TestPlatform } from "./platform.ts";
import { commitChange } from "./push.ts";

/** Two deploys upon the first one, in files of their own: v3 can be taken back from under v4. */
export async function deployTwice(platform: TestPlatform, clone: string): Promise<void> {
  await writeFile(join(clone, "greeting.js"), 'exports.greeting = () => "bad";\n');
  await must(platform, clone, "commit", "-q", "-a", "-m", "Say bad");
  await must(platform, clone, "push", "-q", "production", "main");
  await commitChange(platform, clone, "Later");
  await must(platform, clone, "push", "-q", "production", "main");
}
