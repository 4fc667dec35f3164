/** Receivers that come and go for long, and a daemon that is killed all the time: every line arrives, over HTTP once. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { openDrainLab } from "./lab.ts";
import { HttpReceiver, SyslogReceiver, type Answer } from "./receiver.ts";

const PROGRAM = fileURLToPath(new URL("drain-program.js", import.meta.url));
const ROUNDS = 60;
const MOODS: readonly Answer[] = [200, 200, "hang", 500, 429, 200];

/** Runs it for so long, then kills it; the last number that is stored for sure. */
async function runKilled(dir: string, first: number, urls: readonly string[], ms: number): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, dir, String(first), ...urls], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  let last = first - 1;
  createInterface({ input: child.stdout }).on("line", (line) => (last = Number(line)));
  await Promise.race([once(child.stdout, "data"), exit]);
  await sleep(ms);
  child.kill("SIGKILL");
  await exit;
  return last;
}

describe("drains through outages", (test) => {
  test(`${String(ROUNDS)} kills, receivers of every mood`, async (t) => {
    const dir = await t.tempDir();
    const [http, syslog] = [await HttpReceiver.open(t), await SyslogReceiver.open(t)];
    const urls = [`http://127.0.0.1:${String(http.port)}/`, `syslog://127.0.0.1:${String(syslog.port)}`];
    let next = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      http.answers = [MOODS[Math.floor(Math.random() * MOODS.length)] ?? 200];
      const resets = setInterval(() => syslog.reset(), 40);
      next = (await runKilled(dir, next, urls, 50 + Math.random() * 300)) + 1;
      clearInterval(resets);
    }
    http.answers = [200];
    const lab = await openDrainLab(t, { dir });
    await lab.add(...urls.map((url, index) => lab.spec(index + 1, url)));
    lab.log("the end");
    await Promise.all([http.got("the end"), syslog.got("the end")]);
    const stored = (await lab.store.query({}, 10_000_000))
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    const from = stored.indexOf("line 0");
    assert.ok(next > ROUNDS * 20, String(next));
    assert.equal(http.messages.slice(http.messages.indexOf("line 0")), stored.slice(from), "each line once, in order");
    const arrived = new Set(syslog.messages);
    assert.equal(
      stored.slice(from).filter((message) => !arrived.has(message)),
      [],
    );
  });
}, 300_000);
