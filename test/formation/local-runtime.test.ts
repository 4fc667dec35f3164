/** The runtime of this machine: environment, output, signals, and what it finds after a daemon was killed. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { processTable } from "../../src/formation/process-table.ts";
import type { Instance, StartSpec } from "../../src/formation/runtime.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";
import { FIXTURES, gone, MISSING_PROC, PATH, processesUnder, realClock, says } from "./support.ts";

async function open(t: TestContext, appsDirectory: string, withLauncher = true): Promise<LocalRuntime> {
  const runtime = await LocalRuntime.open({ appsDirectory, clock: realClock, sweepMs: 100, withLauncher });
  t.after(() => runtime.close({ detach: false }));
  return runtime;
}

function spec(command: string, change: Partial<StartSpec> = {}): StartSpec {
  const names = { app: "foobaz", type: "worker", slot: 1, release: 4, attempt: 1 };
  return { id: randomUUID(), ...names, command, env: { PATH }, appDir: join(FIXTURES, "hello"), ...change };
}

/** Resolves when the instance has ended; ask before it can. */
function end(runtime: LocalRuntime, id: string): Promise<Instance> {
  return new Promise((resolve) => {
    const stop = runtime.watch((instance) => {
      if (instance.id !== id || instance.phase !== "exited") return;
      stop();
      resolve(instance);
    });
  });
}

async function run(runtime: LocalRuntime, start: StartSpec): Promise<{ exit: Instance; output: string }> {
  const ended = end(runtime, start.id);
  await runtime.start(start);
  const exit = await ended;
  return { exit, output: await readFile(exit.spool, "utf8") };
}

async function parentOf(pid: number): Promise<number> {
  return Number(/\) \S+ ([0-9]+)/.exec(await readFile(`/proc/${String(pid)}/stat`, "utf8"))?.[1]);
}

async function only(runtime: LocalRuntime): Promise<Instance> {
  const [instance, ...others] = await runtime.list("foobaz");
  assert.is(others.length, 0);
  assert.ok(instance);
  return instance;
}

describe("local runtime", (test) => {
  for (const withLauncher of [true, false]) {
    const how = withLauncher ? "" : ", without a launcher";

    test(`the environment is the given one, and HOME is the directory it runs in${how}`, async (t) => {
      const runtime = await open(t, await t.tempDir(), withLauncher);
      const env = { PATH, FOO: "bar baz", QUOTE: `it's "so" $HOME`, HOME: "/nowhere", OPTIND: "x", LINES_OF: "a\nb" };
      const node = `exec node -e 'console.log(JSON.stringify([process.env, process.cwd()]))'`;
      const { output } = await run(runtime, spec(node, { env }));
      const [seen, cwd] = JSON.parse(output) as [Record<string, string>, string];
      for (const ofTheShell of ["_", "SHLVL", "PWD", "OLDPWD"]) delete seen[ofTheShell];
      assert.equal(seen, { PATH, FOO: env.FOO, QUOTE: env.QUOTE, HOME: cwd, LINES_OF: env.LINES_OF });
    });

    test(`a status and a signal are told as a shell tells them${how}`, async (t) => {
      const runtime = await open(t, await t.tempDir(), withLauncher);
      assert.is((await run(runtime, spec("exit 7"))).exit.exit?.code, 7);
      assert.is((await run(runtime, spec("kill -SEGV $$"))).exit.exit?.code, 139);
      const missing = await run(runtime, spec("no-such-command"));
      assert.is(missing.exit.exit?.code, 127);
      assert.match(missing.output, "no-such-command: command not found");
    });

    test.needing(MISSING_PROC, `a process ignores no signal that it did not choose to ignore${how}`, async (t) => {
      const runtime = await open(t, await t.tempDir(), withLauncher);
      const { output } = await run(runtime, spec("grep SigIgn /proc/self/status"));
      assert.match(output, /SigIgn:\s0000000000000000\n/);
    });

    test(`open files are limited, and the memory of all its processes is told${how}`, async (t) => {
      const runtime = await open(t, await t.tempDir(), withLauncher);
      const fill = `node -e 'global.kept = Buffer.alloc(3e7, 1); console.log("filled"); setInterval(() => {}, 1e6)'`;
      const started = await runtime.start(spec(`ulimit -n; ${fill} & ${fill}; true`, { limits: { openFiles: 77 } }));
      await says(started, "77\n");
      await says(started, "filled\nfilled\n");
      const bytes = (await runtime.memory(started.id)) ?? 0;
      assert.ok(bytes > 6e7 && bytes < 2e8, `${String(bytes)} bytes`);
      assert.is(await runtime.memory(randomUUID()), undefined);
    });
  }

  test("values of the environment are written nowhere", async (t) => {
    const directory = await t.tempDir();
    const runtime = await open(t, directory);
    const instance = await runtime.start(spec("exec sleep 600", { env: { PATH, SECRET: "hunter2" } }));
    const files = await readdir(join(directory, "foobaz", "run"), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      const text = await readFile(join(file.parentPath, file.name), "utf8");
      assert.not.match(text, "hunter2", file.name);
    }
    if (MISSING_PROC !== undefined) return;
    assert.not.match(await readFile(`/proc/${String(instance.pid)}/cmdline`, "utf8"), "hunter2");
  });

  test("the spool has stdout and stderr in order, to the last word", async (t) => {
    const runtime = await open(t, await t.tempDir());
    const talk = { appDir: join(FIXTURES, "talks-a-lot"), env: { PATH, LINES: "2000" } };
    const { exit, output } = await run(runtime, spec("node talk.js", talk));
    assert.equal(exit.exit, { code: 9, signal: null });
    assert.equal(output.split("\n"), [...Array.from({ length: 2000 }, (_, index) => `line ${String(index + 1)}`), ""]);
  });

  test("children end with the process that made them", async (t) => {
    const directory = await t.tempDir();
    const runtime = await open(t, directory);
    const forks = { appDir: join(FIXTURES, "forks") };
    const { exit } = await run(runtime, spec("sh forks.sh", { ...forks, env: { PATH, LEAVE_THEM: "yes" } }));
    assert.is(exit.exit?.code, 4);
    if (MISSING_PROC === undefined) assert.equal(await processesUnder(directory), []);
    const start = spec("sh forks.sh", forks);
    const ended = end(runtime, start.id);
    await says(await runtime.start(start), "children started");
    await runtime.signal(start.id, "SIGTERM");
    await ended;
    if (MISSING_PROC === undefined) assert.equal(await processesUnder(directory), []);
  });

  test.needing(MISSING_PROC, "a child that went into another session ends too", async (t) => {
    const directory = await t.tempDir();
    const runtime = await open(t, directory);
    const start = spec("sh escapes.sh", { appDir: join(FIXTURES, "forks") });
    const ended = end(runtime, start.id);
    await says(await runtime.start(start), "escaped");
    await runtime.signal(start.id, "SIGTERM");
    await ended;
    assert.equal(await processesUnder(directory), []);
  });

  test("after SIGTERM the rest may finish what it does", async (t) => {
    const directory = await t.tempDir();
    const runtime = await open(t, directory);
    // The shell dies of the signal at once, its child takes its time.
    const child = `trap "sleep 0.3; echo finished; exit 0" TERM; echo ready; while :; do sleep 0.01; done`;
    const start = spec(`sh -c '${child}'; true`);
    const ended = end(runtime, start.id);
    await says(await runtime.start(start), "ready");
    await runtime.signal(start.id, "SIGTERM");
    const exit = await ended;
    assert.is(exit.exit?.code, 143);
    assert.match(await readFile(exit.spool, "utf8"), "finished\n");
  });

  test("the process may write to its directory and never reaches the slug", async (t) => {
    const slug = join(await t.tempDir(), "slug");
    await mkdir(slug);
    await writeFile(join(slug, "file"), "as built\n", { mode: 0o444 });
    const runtime = await open(t, await t.tempDir());
    const { output } = await run(
      runtime,
      spec("echo changed >>file; echo new >other; cat file other", { appDir: slug }),
    );
    assert.is(output, "as built\nchanged\nnew\n");
    assert.equal(await readdir(slug), ["file"]);
    assert.is(await readFile(join(slug, "file"), "utf8"), "as built\n");
  });

  test("an ended instance is listed until it is forgotten, then nothing is left", async (t) => {
    const directory = await t.tempDir();
    const runtime = await open(t, directory);
    const start = spec("exit 0");
    await run(runtime, start);
    assert.is((await only(runtime)).phase, "exited");
    await runtime.forget(start.id);
    assert.equal(await runtime.list("foobaz"), []);
    assert.equal(await readdir(join(directory, "foobaz", "run")), []);
  });

  test("a start that fails or is given up leaves nothing", async (t) => {
    const directory = await t.tempDir();
    const runtime = await open(t, directory);
    await rejects(runtime.start(spec("true", { appDir: join(FIXTURES, "no-such-app") })));
    await rejects(runtime.start(spec("true"), AbortSignal.abort()));
    await rejects(runtime.start(spec("true", { env: { BAD: "a\0b" } })));
    assert.equal(await readdir(join(directory, "foobaz", "run")), []);
  });

  test("another daemon finds the same process, and learns its status", async (t) => {
    const directory = await t.tempDir();
    const first = await open(t, directory);
    const started = await first.start(
      spec("trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done", { port: 23_456 }),
    );
    await says(started, "ready");
    await first.close({ detach: true });
    const second = await open(t, directory);
    const found = await only(second);
    assert.equal(found, started);
    const ended = end(second, found.id);
    await second.signal(found.id, "SIGTERM");
    assert.is((await ended).exit?.code, 5);
  });

  test("the status of an end that nobody saw is known", async (t) => {
    const directory = await t.tempDir();
    const first = await open(t, directory);
    const started = await first.start(spec("sleep 0.1; echo last words; exit 5"));
    await first.close({ detach: true });
    const state = join(started.spool, "..", "state");
    while (!(await readdir(state)).includes("exit")) await realClock.sleep(10);
    const found = await only(await open(t, directory));
    assert.is(found.phase, "exited");
    assert.equal(found.exit, { code: 5, signal: null });
    assert.is(await readFile(found.spool, "utf8"), "last words\n");
  });

  test.needing(MISSING_PROC, "a process that went down together with its shim is lost, not running", async (t) => {
    const directory = await t.tempDir();
    const first = await open(t, directory);
    const { pid } = await first.start(spec("exec sleep 600"));
    await first.close({ detach: true });
    process.kill(await parentOf(pid ?? 0), "SIGKILL");
    process.kill(pid ?? 0, "SIGKILL");
    await gone(pid ?? 0);
    const found = await only(await open(t, directory));
    assert.equal([found.phase, found.exit], ["exited", { code: null, signal: null }]);
  });

  test.needing(
    MISSING_PROC,
    "a launcher that is killed takes nothing with it, and the next start has another",
    async (t) => {
      const runtime = await open(t, await t.tempDir());
      const started = await runtime.start(spec("trap 'exit 6' TERM; echo ready; while :; do sleep 0.01; done"));
      await says(started, "ready");
      const launcher = await parentOf(await parentOf(started.pid ?? 0));
      process.kill(launcher, "SIGKILL");
      await gone(launcher);
      assert.is((await run(runtime, spec("exit 7", { slot: 2 }))).exit.exit?.code, 7);
      const ended = end(runtime, started.id);
      await runtime.signal(started.id, "SIGTERM");
      assert.is((await ended).exit?.code, 6);
    },
  );

  test.needing(MISSING_PROC, "what ran before the machine was booted is lost, whatever has its pid now", async (t) => {
    const directory = await t.tempDir();
    const first = await open(t, directory);
    const { spool, pid } = await first.start(spec("exec sleep 600"));
    const file = join(spool, "..", "spec.json");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace(/"bootId": "[^"]*"/, `"bootId": "an earlier one"`));
    const second = await open(t, directory);
    assert.is((await only(second)).phase, "exited");
    process.kill(pid ?? 0, 0);
  });

  test("a start that a killed daemon left half done is cleaned away", async (t) => {
    const directory = await t.tempDir();
    const root = join(directory, "foobaz", "run");
    const record = { ...spec("true"), bootId: "", createdAt: 1 };
    const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim();
    await mkdir(join(root, "worker.1.4.aaaaaaaa"), { recursive: true });
    await mkdir(join(root, "worker.2.4.bbbbbbbb", "state"), { recursive: true });
    await writeFile(join(root, "worker.2.4.bbbbbbbb", "spec.json"), JSON.stringify({ ...record, bootId }));
    assert.equal(await (await open(t, directory)).list("foobaz"), []);
    assert.equal(await readdir(root), []);
  });

  test("closing with everything ends what an earlier daemon left and nobody asked about", async (t) => {
    const directory = await t.tempDir();
    const first = await open(t, directory);
    const { pid = 0 } = await first.start(spec("exec sleep 600"));
    await first.close({ detach: true });
    const second = await LocalRuntime.open({ appsDirectory: directory, clock: realClock });
    await second.close({ detach: false });
    assert.is(await processTable.startTime(pid), undefined);
  });
});
