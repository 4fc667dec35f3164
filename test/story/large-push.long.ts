/** A push of a gigabyte: refused as it comes, and taken where the limits allow it, in a bounded amount of memory. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { deployFixture, must } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";

const FILES = 16;
const FILE_BYTES = 64 * 1024 * 1024;
const MEMORY_BYTES_MAX = 100e6;

/** The most that the daemon ever had. */
async function peakOf({ pid }: TestPlatform): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

describe("a push of a gigabyte", (test) => {
  test("is refused, or taken in bounded memory", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "hello", "foobaz");
    const repo = join(platform.home, "repos/foobaz.git");
    for (let n = 0; n < FILES; n += 1) await writeFile(join(clone, `large-${String(n)}`), randomBytes(FILE_BYTES));
    await must(platform, clone, "-c", "core.bigFileThreshold=1m", "add", "-A");
    await must(platform, clone, "commit", "-q", "-m", "Large");
    const before = await peakOf(platform);
    const push = (): ReturnType<TestPlatform["exec"]> =>
      platform.exec("git", ["push", "-q", "production", "main"], { cwd: clone });
    const refused = await push();
    assert.is(refused.status, 1);
    assert.match(refused.stderr, "pack exceeds maximum allowed size");
    await must(platform, repo, "config", "receive.maxInputSize", "2g");
    const tooLarge = await push();
    assert.is(tooLarge.status, 1);
    assert.match(tooLarge.stderr, /Slug is too large: 107\d\.\dMB\./);
    await must(platform, clone, "heroku", "settings:set", "slug-size=2GB");
    const taken = await push();
    assert.is(taken.status, 0, taken.stderr);
    const more = (await peakOf(platform)) - before;
    assert.ok(more < MEMORY_BYTES_MAX, `${String(more)} bytes more`);
    console.log(`the daemon had at most ${String(Math.round(more / 1e6))} MB more`);
  });
}, 600_000);
