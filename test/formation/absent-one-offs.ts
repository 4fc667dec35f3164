/** A program for one-offs.test.ts: one-off processes of a daemon that will be killed. Says `running` for each.
 *  Arguments: directory of the apps, then the commands; one that begins with `# 600` may take 600 ms. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../src/core/clock.ts";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { OneOffNumbers } from "../../src/formation/one-off-numbers.ts";
import { ONE_OFF_TIME_MAX_MS, OneOffs } from "../../src/formation/one-offs.ts";
import { FIXTURES, PATH, realClock } from "./support.ts";

const [appsDirectory = "", ...commands] = process.argv.slice(2);
/** It is killed before anything that it waits for comes, however long that takes. */
const clock: Clock = { now: () => realClock.now(), sleep: (_, signal) => realClock.sleep(3_600_000, signal) };
const oneOffs = new OneOffs({
  app: "foobaz",
  runtime: await LocalRuntime.open({ appsDirectory, clock: realClock }),
  clock,
  numbers: new OneOffNumbers(join(appsDirectory, "last-run")),
  callbacks: {
    log: () => undefined,
    onProcess: () => undefined,
    onExit: () => Promise.resolve(),
    onEnd: () => Promise.resolve(),
    onFault: (error) => console.error(error),
  },
});
for (const command of commands) {
  const limit = /^# (\d+)\n/.exec(command)?.[1];
  await oneOffs.start({
    id: randomUUID(),
    release: 7,
    command,
    cargo: { appDir: join(FIXTURES, "hello"), env: { PATH } },
    timeLimitMs: limit === undefined ? ONE_OFF_TIME_MAX_MS : Number(limit),
  });
  console.log("running");
}
