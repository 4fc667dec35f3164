/** A push of an empty commit of an app with nothing to build, against the same push to a bare repository. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { PlatformClient } from "../../src/api/platform-client.ts";
import { deployFixture, platformClient } from "../support/deploy.ts";
import { inPairs, median, ms, timed, times, withContext, type Row } from "./measure.ts";

const PAIRS = 40;

export async function benchPush(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "hello");
    const bare = join(platform.dir, "bare.git");
    await platform.exec("git", ["init", "-q", "--bare", "-b", "main", bare]);
    await platform.exec("git", ["remote", "add", "bare", bare], { cwd: clone });
    const recorded: number[] = [];
    const client = platformClient(platform);
    const push = async (remote: string): Promise<number> => {
      await platform.exec("git", ["commit", "-q", "--allow-empty", "-m", "again"], { cwd: clone });
      const start = Date.now();
      const whole = await timed(() => must(platform, ["push", "-q", remote, "main"], clone));
      if (remote === "production")
        recorded.push((await stat(join(platform.home, "repos/hello.git/refs/heads/releases"))).mtimeMs - start);
      if (remote === "production") await untilSettled(client);
      return whole;
    };
    const [ours, peer] = await inPairs(
      PAIRS,
      () => push("production"),
      () => push("bare"),
    );
    const until = median(recorded.slice(1));
    return [
      {
        what: "push, whole",
        ours: ms(ours),
        peer: `${ms(peer)} bare repository`,
        ratio: times(ours, peer),
        limit: "1.8 ×",
      },
      {
        what: "push, until the release is recorded",
        ours: ms(until),
        peer: `${ms(peer)} bare repository`,
        ratio: times(until, peer),
        limit: "1.5 ×",
      },
    ];
  });
}

/** The launch of one release is not a part of the next push. */
export async function untilSettled(client: PlatformClient): Promise<void> {
  const [newest] = await client.releases("hello", 1);
  for (;;) {
    const dynos = await client.dynos("hello", true);
    if (dynos.every((dyno) => dyno.state === "up" && dyno.release.version === newest?.version)) return;
    await sleep(10);
  }
}

async function must(platform: TestPlatform, args: string[], cwd: string): Promise<void> {
  const result = await platform.exec("git", args, { cwd });
  if (result.status !== 0) throw new Error(result.stderr);
}
