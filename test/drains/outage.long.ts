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

interface Run {
  dir: string;
  /** Bytes. */
  kept: number;
  urls: readonly string[];
}

/** Runs it for so long, then kills it; the last number that is stored for sure. */
async function runKilled({ dir, kept, urls }: Run, first: number, ms: number): Promise<number> {
  const words = [PROGRAM, dir, String(first), String(kept), ...urls];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
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
      next = (await runKilled({ dir, kept: 1e9, urls }, next, 50 + Math.random() * 300)) + 1;
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

  test(`${String(ROUNDS)} kills while retention runs past a drain: no loss is left uncounted`, async (t) => {
    const [dir, http] = [await t.tempDir(), await HttpReceiver.open(t)];
    const urls = [`http://127.0.0.1:${String(http.port)}/`];
    let next = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      http.answers = [MOODS[Math.floor(Math.random() * MOODS.length)] ?? 200];
      next = (await runKilled({ dir, kept: 50_000, urls }, next, 50 + Math.random() * 300)) + 1;
    }
    http.answers = [200];
    const lab = await openDrainLab(t, { dir });
    await lab.add(...urls.map((url, index) => lab.spec(index + 1, url)));
    lab.log("the end");
    await http.got("the end");
    await lab.close();
    const got = http.messages.flatMap((message) => /^line (\d+)$/.exec(message)?.[1] ?? []).map(Number);
    const dropped = lab.drains.status(lab.spec(1, "").id)?.dropped ?? 0;
    const missing = next - new Set(got.filter((number) => number < next)).size;
    assert.ok(missing > 1000, `only ${String(missing)} were lost`);
    assert.ok(missing <= dropped, `${String(missing)} were lost, ${String(dropped)} counted`);
    // What the platform says is counted too, and a frame that was under way when the log made room may have arrived.
    assert.ok(dropped < missing * 1.2, `${String(missing)} were lost, ${String(dropped)} counted`);
    const notices = http.messages.filter((message) => /^Error L10.*\d\d\.$/.test(message));
    const toldCount = notices.reduce((sum, text) => sum + Number(/: (\d+) message/.exec(text)?.[1]), 0);
    // A frame that tells of a loss may have come just before a kill: then the next tells of it again.
    assert.ok(toldCount >= dropped, `${String(dropped)} were counted, ${String(toldCount)} told`);
  });
}, 300_000);
