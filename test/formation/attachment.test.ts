/** One-off processes that somebody is attached to: real ones, on the runtime of this machine, in a sandbox where it has one. */
import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { FRAME } from "../../src/core/run-frames.ts";
import type { Attachment } from "../../src/formation/attachment.ts";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { OneOffNumbers } from "../../src/formation/one-off-numbers.ts";
import { OneOffs, type Attached } from "../../src/formation/one-offs.ts";
import { probeIsolation } from "../../src/formation/probe-isolation.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { FIXTURES, PATH, processesUnder, realClock, Witness } from "./support.ts";

const RULES = { exitTimeoutMs: 10_000, runIdleMs: 3_600_000, runHangUpMs: 5_000 };
const TERMINAL = { columns: 93, rows: 41 };

interface Stage {
  oneOffs: OneOffs;
  witness: Witness;
  appsDirectory: string;
  attach: (command: string, terminal?: typeof TERMINAL, env?: Record<string, string>) => Promise<Attached>;
}

async function open(t: TestContext): Promise<Stage> {
  const appsDirectory = await t.tempDir();
  const isolation = probeIsolation({ clock: realClock, appsDirectory, platformHome: appsDirectory });
  const runtime = await LocalRuntime.open({ appsDirectory, clock: realClock, sweepMs: 200, isolation });
  const witness = new Witness();
  const oneOffs = new OneOffs({
    app: "foobaz",
    runtime,
    clock: realClock,
    numbers: new OneOffNumbers(join(appsDirectory, "last-run")),
    callbacks: {
      log: (line) => witness.log(line),
      onProcess: (instance) => witness.onProcess(instance),
      onExit: (instance) => witness.onExit(instance),
      onEnd: () => Promise.resolve(),
      onFault: (error) => witness.onFault(error),
    },
  });
  t.after(async () => {
    await oneOffs.shutdown({ stopApps: true });
    await runtime.close({ detach: false });
    if (witness.faults.length > 0) throw witness.faults[0];
    assert.equal(await processesUnder(appsDirectory), []);
  });
  const attach: Stage["attach"] = (command, terminal, env = {}) =>
    oneOffs.attach({
      id: randomUUID(),
      release: 7,
      command,
      cargo: { appDir: join(FIXTURES, "hello"), env: { PATH, ...env } },
      timeLimitMs: 3_600_000,
      terminal,
    });
  return { oneOffs, witness, appsDirectory, attach };
}

/** Reads what a process writes, and waits for parts of it. */
class Reader {
  readonly texts: Record<string, string> = { [FRAME.stdout]: "", [FRAME.stderr]: "" };
  readonly over: Promise<void>;
  #look = (): void => undefined;

  constructor(attachment: Attachment) {
    this.over = this.#read(attachment);
  }

  async #read(attachment: Attachment): Promise<void> {
    for await (const { kind, payload } of attachment.output()) {
      this.texts[kind] += Buffer.from(payload).toString("latin1");
      this.#look();
    }
  }

  get stdout(): string {
    return this.texts[FRAME.stdout] ?? "";
  }

  async until(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }
}

async function finish({
  attachment,
}: Pick<Attached, "attachment">): Promise<[status: number | undefined, stdout: string, stderr: string]> {
  const reader = new Reader(attachment);
  await reader.over;
  const { status } = await attachment.ended;
  return [status, reader.stdout, reader.texts[FRAME.stderr] ?? ""];
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("attached one-off processes", (test) => {
  test("pipes: outputs apart, input to its end, and the status", async (t) => {
    const { attach, witness } = await open(t);
    const env = { PERL5OPT: "-Mnothing::like::it", PERL5LIB: "/x" };
    const attached = await attach(
      'tty; cat; echo "$PERL5OPT $PERL5LIB" >&2; echo x >/dev/stderr; exit 7',
      undefined,
      env,
    );
    assert.is(attached.info.name, "run.1");
    const every = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await attached.attachment.send(FRAME.stdin, every);
    await attached.attachment.send(FRAME.stdinEnd);
    const [status, stdout, stderr] = await finish(attached);
    assert.equal(
      [status, stdout, stderr],
      [7, `not a tty\n${every.toString("latin1")}`, "-Mnothing::like::it /x\nx\n"],
    );
    await witness.sees("complete");
    // The log has none of it.
    assert.equal([...witness.outputs.values()], [""]);
  });

  test("a terminal: size, resize, Ctrl-C, end of input, and it controls its session", async (t) => {
    const { attach } = await open(t);
    const attached = await attach("PS1='ready> ' exec bash --norc -i", TERMINAL, { TERM: "dumb" });
    const { attachment } = attached;
    const reader = new Reader(attachment);
    await reader.until("ready> ");
    await attachment.send(FRAME.stdin, bytes("stty size; echo $((6*7))\n"));
    await reader.until("41 93\r\n42\r\n");
    await attachment.send(FRAME.stdin, bytes("trap 'stty size' WINCH; echo s''et\n"));
    await reader.until("set\r\n");
    await attachment.send(FRAME.size, bytes("120 50"));
    await attachment.send(FRAME.stdin, bytes("\n"));
    await reader.until("50 120\r\n");
    await attachment.send(FRAME.stdin, bytes("(echo g''o; exec sleep 600)\n"));
    await reader.until("go\r\n");
    await attachment.send(FRAME.stdin, bytes("\u0003"));
    await attachment.send(FRAME.stdin, bytes("echo status $?\n"));
    await reader.until("status 130\r\n");
    // Suspended, and brought back by its number: job control works.
    await attachment.send(FRAME.stdin, bytes("(echo wa''it; exec sleep 601)\n"));
    await reader.until("wait\r\n");
    await attachment.send(FRAME.stdin, bytes("\u001a"));
    await reader.until("Stopped");
    await attachment.send(FRAME.stdin, bytes("kill %1; echo over; echo x >/dev/tty\n"));
    await reader.until("over\r\nx\r\n");
    // At a prompt: before that the end of input is one of lines, which a shell that reads keys does not see.
    await attachment.send(FRAME.stdin, bytes("PS1='la''st> '\n"));
    await reader.until("last> ");
    await attachment.send(FRAME.stdin, bytes("\u0004"));
    await reader.over;
    assert.is((await attachment.ended).status, 0);
    assert.not.match(reader.stdout, /cannot set terminal|no job control/);
  });

  test("all that is written arrives, also of a process that is killed and has left one behind", async (t) => {
    const { attach } = await open(t);
    const count = "i=0; while [ $i -lt 30000 ]; do echo $i; i=$((i+1)); done";
    for (const terminal of [undefined, TERMINAL]) {
      const attached = await attach(`sleep 600 & ${count}; kill -9 $$`, terminal);
      const [status, stdout] = await finish(attached);
      const lines = Array.from({ length: 30_000 }, (_, index) => `${String(index)}${terminal ? "\r" : ""}\n`);
      assert.is(status, 137);
      assert.ok(stdout === lines.join(""));
    }
  });

  test("input that nobody takes costs no output", async (t) => {
    const { attach } = await open(t);
    const { attachment } = await attach("head -c 3; seq 20000; exec <&-; exit 2");
    const feeding = attachment.send(FRAME.stdin, Buffer.alloc(1_000_000, "x"));
    const [status, stdout] = await finish({ attachment });
    await feeding;
    assert.is(status, 2);
    assert.ok(stdout.startsWith("xxx1\n2\n") && stdout.endsWith("\n20000\n"));
  });

  test("a lost client: SIGHUP, and who hears none is ended", async (t) => {
    const { attach, witness, oneOffs } = await open(t);
    const good = await attach("trap 'exit 5' HUP; echo up; while :; do sleep 0.05; done", TERMINAL);
    await new Reader(good.attachment).until("up");
    good.attachment.leave();
    assert.is((await good.attachment.ended).status, 5);
    assert.ok(witness.saw("run.1 v7 Client connection closed. Sending SIGHUP to all processes"));
    oneOffs.configure({ ...RULES, exitTimeoutMs: 200, runHangUpMs: 100 });
    for (const terminal of [undefined, TERMINAL]) {
      const bad = await attach("trap '' HUP TERM; echo up; while :; do sleep 0.05; done", terminal);
      await new Reader(bad.attachment).until("up");
      bad.attachment.leave();
      assert.is((await bad.attachment.ended).status, 137);
      for (const text of ["Error R16 (Detached)", "with SIGTERM", "Error R12 (Exit timeout)", "with SIGKILL"]) {
        assert.ok(
          witness.lines.some((line) => line.startsWith(`${bad.info.name} v7 `) && line.includes(text)),
          text,
        );
      }
    }
  });

  test("a client that never comes is R13, a silent connection is cut off", async (t) => {
    const { attach, witness, oneOffs, appsDirectory } = await open(t);
    const { attachment } = await attach("exec sleep 600");
    attachment.expire();
    assert.is((await attachment.ended).status, 143);
    assert.ok(witness.saw("run.1 v7 Error R13 (Attach error) -> Failed to attach to process"));
    oneOffs.configure({ ...RULES, runIdleMs: 50 });
    const silent = await attach("exec sleep 600");
    await new Promise((resolve) => {
      if (silent.attachment.cut.aborted) resolve(undefined);
      silent.attachment.cut.addEventListener("abort", resolve);
    });
    silent.attachment.leave();
    assert.is((await silent.attachment.ended).status, 129);
    await witness.sees("run.2 v7 State changed from up to complete");
    await oneOffs.shutdown({ stopApps: true });
    assert.equal(await readdir(join(appsDirectory, "foobaz/run")), []);
  });
});
