/** What the machine may run out of, and the clock that jumps: the formation says so, waits, and goes on. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmod, readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { Clock } from "../../src/core/clock.ts";
import { PortAllocator } from "../../src/formation/ports.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { realClock, stage, target } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("scarce-program.js", import.meta.url));
const works = (...[command = "", ...args]: string[]): boolean => spawnSync(command, args).status === 0;

/** The limit of processes does not bind root. */
const AS_SOMEBODY = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
const LIMITABLE = works(...AS_SOMEBODY, "test", "-r", PROGRAM) && works("prlimit", "--version");
const MOUNTABLE = works("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt");

async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${String(pid)}/task`);
  const texts = await Promise.all(
    tasks.map((task) => readFile(`/proc/${String(pid)}/task/${task}/children`, "utf8").catch(() => "")),
  );
  return texts.flatMap((text) => text.split(" ").filter(Boolean).map(Number));
}

interface Scarce {
  child: ChildProcess;
  order(text: string): void;
  says(text: string): Promise<void>;
}

function startScarce(t: TestContext, words: string[]): Scarce {
  const [command = "", ...args] = words;
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    for (const look of waiting) look();
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const order = (text: string): void => void child.stdin.write(`${text}\n`);
  t.after(async () => {
    order("end");
    await ended;
  });
  return {
    child,
    order,
    // What was said before does not count again.
    says: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          const at = output.indexOf(text);
          if (at === -1) return;
          waiting.delete(look);
          output = output.slice(at + text.length);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

/** A clock that somebody sets; what sleeps is not concerned. */
class SetClock implements Clock {
  offset = 0;
  now(): number {
    return Date.now() + this.offset;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return realClock.sleep(ms, signal);
  }
}

describe("scarcity", (test) => {
  test.needing(
    LIMITABLE ? undefined : "setpriv, prlimit, and a program that another user may read",
    "no more processes: it says so, and starts them when there is room",
    async (t) => {
      const dir = await t.tempDir();
      await chmod(dir, 0o777);
      const scarce = startScarce(t, [...AS_SOMEBODY, process.execPath, PROGRAM, dir]);
      await scarce.says("ready");
      scarce.order("run 1");
      await scarce.says("worker.1 State changed from starting to up");
      const { pid = 0 } = scarce.child;
      // A process keeps the limit it was born with, so the launcher has its own.
      const starters = [pid, ...(await childrenOf(pid))];
      const limit = (soft: string): void => {
        for (const one of starters) {
          assert.ok(works(...AS_SOMEBODY, "prlimit", "--pid", String(one), `--nproc=${soft}:`));
        }
      };
      limit("1");
      scarce.order("run 2");
      await scarce.says("worker.2 Process failed to start: spawn");
      await scarce.says("worker.2 State changed from starting to crashed");
      limit("4096");
      await scarce.says("worker.2 State changed from starting to up");
    },
  );

  test.needing(
    MOUNTABLE ? undefined : "unshare, allowed to mount",
    "a full disk: it says so, and starts them when there is room",
    async (t) => {
      const dir = await t.tempDir();
      const mount = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$1"';
      const scarce = startScarce(t, ["unshare", "-rm", "sh", "-c", mount, "sh", dir, process.execPath, PROGRAM]);
      await scarce.says("ready");
      scarce.order("fill");
      await scarce.says("filled");
      scarce.order("run 1");
      await scarce.says("worker.1 Process failed to start: ENOSPC");
      scarce.order("free");
      await scarce.says("worker.1 State changed from starting to up");
    },
  );

  test("no more ports: it says so, and the process starts when one is given back", async (t) => {
    const ports = new PortAllocator({ clock: realClock, random: () => 0, first: 31_730, last: 31_730 });
    const { formation, witness } = await stage(t, { ports });
    formation.converge(await target("hello", { web: 2 }), "launch");
    await witness.sees("Process failed to start: No port is free for another web process.");
    await witness.until(() => witness.endpoints.length === 1);
  });

  test("the clock is set back: a port that rests is given out all the same when no other is free", async () => {
    const clock = new SetClock();
    const ports = new PortAllocator({ clock, random: () => 0, first: 31_731, last: 31_731 });
    const port = await ports.allocate();
    ports.release(port);
    clock.offset = -86_400_000;
    assert.is(await ports.allocate(), port);
  });

  test("the clock is set back and forth: nothing is started again, no time is negative", async (t) => {
    const clock = new SetClock();
    const { formation, witness } = await stage(t, { clock });
    formation.converge(await target("hello", { web: 1, worker: 1 }), "launch");
    await formation.settled();
    for (const offset of [-86_400_000, 86_400_000]) {
      clock.offset = offset;
      formation.converge(await target("hello", { web: 1, worker: 1 }), "launch");
      await formation.settled();
    }
    assert.is(witness.processes.length, 2);
    assert.is(witness.exits.length, 0);
  });
});
