/** Loud processes and a daemon that is killed again and again: every line is in the log, once, in the order of its process. */
import * as assert from "uvu/assert";
import { untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { eachStoredLine } from "../support/log-files.ts";
import { startPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";

/** Four processes of five thousand lines a second each; resolves with how many lines there were. */
export async function killUnderOutput(t: TestContext, kills: number): Promise<number> {
  const platform = await startPlatform(t);
  const clone = await deployFixture(platform, "loud");
  await must(platform, clone, "heroku", "scale", "worker=4");
  await untilUp(platform, "loud", 4);
  const pids = (await platformClient(platform).dynos("loud", true)).map(({ extended }) => extended?.pid);
  for (let kill = 0; kill < kills; kill += 1) {
    await platform.kill();
    await platform.start();
    await untilUp(platform, "loud", 4);
  }
  const after = (await platformClient(platform).dynos("loud", true)).map(({ extended }) => extended?.pid);
  assert.equal(after, pids, "no process was started again");
  await must(platform, clone, "heroku", "scale", "worker=0");
  await untilSame(0, async () => (await platformClient(platform).dynos("loud")).length);
  const last = new Map<string, number>();
  await eachStoredLine(platform, "loud", ({ msg }) => {
    const [, pid, line] = /^(\d+) line (\d+)$/.exec(msg) ?? [];
    if (pid === undefined) return;
    assert.is(Number(line), (last.get(pid) ?? 0) + 1, `line of ${pid}`);
    last.set(pid, Number(line));
  });
  assert.is(last.size, 4);
  return [...last.values()].reduce((sum, lines) => sum + lines, 0);
}
