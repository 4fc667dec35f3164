/** What keeps processes apart and together, at each level of this machine: as it is, and with what is there left out. */
import { execFile } from "node:child_process";
import { chown, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { appUser } from "../../src/core/app-user.ts";
import { describeIsolation } from "../../src/formation/isolation-report.ts";
import { ownCgroups } from "../../src/formation/probe-cgroups.ts";
import { probeIsolation } from "../../src/formation/probe-isolation.ts";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";
import { HERE, IS_ROOT, NO_CGROUPS, NO_NOBODY, NO_OVERLAY, NO_SANDBOX, NO_USERS, NOBODY } from "./isolation-here.ts";
import { escapees, IsolationLab } from "./isolation-lab.ts";
import type { Report, Without } from "./isolation-lab.ts";
import { PATH, realClock, says } from "./support.ts";

const LAB = fileURLToPath(new URL("isolation-lab.js", import.meta.url));
async function open(t: TestContext, without: Without = [], directory?: string): Promise<IsolationLab> {
  const lab = await IsolationLab.open(directory ?? (await t.tempDir()), without);
  t.after(async () => {
    await lab.runtime.close({ detach: false });
    for (const pid of await escapees(lab.mark)) process.kill(pid, "SIGKILL");
  });
  return lab;
}

/** The same as somebody without rights. */
async function examineAsNobody(t: TestContext, without: Without): Promise<Report> {
  const directory = await t.tempDir();
  await chown(directory, NOBODY, NOBODY);
  const user = [`--reuid=${String(NOBODY)}`, `--regid=${String(NOBODY)}`, "--clear-groups"];
  const words = [...user, process.execPath, LAB, directory, JSON.stringify(without)];
  const { stdout } = await promisify(execFile)("/usr/bin/setpriv", words, { env: { PATH } });
  return JSON.parse(stdout) as Report;
}

const ALONE = { secret: "hidden", other: "hidden", processes: "own", usr: "read-only", app: "there" };
const AMONG_OTHERS = { secret: "seen", other: "seen", processes: "all", app: "none" };
const ALWAYS = { tmp: "writable", home: "here", directory: "writable", file: "as built", layer: "as built" };

function check(report: Report, seen: Record<string, string>, escaped = 0): void {
  const { uid: _uid, usr, ...rest } = report.seen;
  assert.equal({ ...rest, ...("usr" in seen ? { usr } : {}) }, { ...ALWAYS, ...seen });
  assert.equal(report.statuses, [7, 5, 143]);
  assert.is(report.handled, 1);
  assert.is(report.escaped, escaped);
  assert.is(report.slug, "as built\nas built\n");
  assert.equal(report.left, []);
}

function mountLine(root: string, point: string, type: string, options: string): string {
  return `30 23 0:26 ${root} ${point} rw,nosuid shared:4 - ${type} cgroup ${options}`;
}

function foundFrom(own: string, mounts: string[]): object {
  return Object.fromEntries(ownCgroups({ own, mounts: mounts.join("\n") }));
}

describe("isolation", (test) => {
  test.needing(
    NO_SANDBOX,
    "with all that there is, a process sees only itself, and nothing of it is left",
    async (t) => {
      check(await (await open(t)).examine(), ALONE);
    },
  );

  for (const without of [[], ["overlay"]] as const) {
    const name = without.length === 0 ? "an overlay" : "a copy";
    test.needing(NO_USERS, `of a platform that runs as root, an app is somebody else, with ${name}`, async (t) => {
      const lab = await open(t, without);
      const user = appUser("b2c4d6e8-0000-4000-8000-000000000000");
      const confinement = { sandbox: true, readOnly: false, user };
      const report = await lab.examine(confinement);
      check(report, ALONE);
      assert.is(report.seen["uid"], String(user));
      const look =
        "id -un; id -G; grep ^Cap /proc/self/status; echo x >>lib/part && echo x >/dev/shm/x && echo ok >>/dev/stdout";
      const { output } = await lab.run(`cd /app && ${look}; cat lib/part; touch /run/x`, { confinement });
      const none = ["Inh", "Prm", "Eff", "Bnd", "Amb"].map((set) => `Cap${set}:\t0000000000000000`);
      const wanted = ["app", String(user), ...none, "ok", "as built", "x"];
      assert.equal(output.split("\n").slice(0, wanted.length), wanted);
      assert.match(output, /touch: .*\/run\/x/);
      assert.is(await readFile(join(lab.layer, "lib", "part"), "utf8"), "as built\n");
      // As when the app is destroyed, and another one has its name.
      await rm(join(lab.slug, "..", "..", "sandbox"), { recursive: true });
      for (const another of [user, user + 1]) {
        const { output: said } = await lab.run("id", { confinement: { ...confinement, user: another } });
        assert.is(said, `uid=${String(another)}(app) gid=${String(another)}(app) groups=${String(another)}(app)\n`);
      }
    });
  }

  test.needing(NO_USERS, "an app is root inside where root itself may not look into processes of others", async (t) => {
    const confinement = { sandbox: true, readOnly: false, user: appUser("b2c4d6e8-0000-4000-8000-000000000000") };
    const words = [process.execPath, LAB, await t.tempDir(), "[]", JSON.stringify(confinement)];
    const { stdout } = await promisify(execFile)("/usr/bin/setpriv", ["--bounding-set=-sys_ptrace", ...words]);
    const report = JSON.parse(stdout) as Report;
    check(report, ALONE);
    assert.is(report.seen["uid"], "0");
  });

  test.needing(NO_SANDBOX, "without control groups and overlays it is the same", async (t) => {
    check(await (await open(t, ["cgroups", "overlay"])).examine(), ALONE);
  });

  test.needing(
    NO_CGROUPS,
    "without a sandbox a control group holds a process and its descendants together",
    async (t) => {
      check(await (await open(t, ["sandbox"])).examine(), AMONG_OTHERS);
    },
  );

  test("with nothing, all works but that two escape, which is told", async (t) => {
    const without: Without = ["sandbox", "cgroups", "overlay"];
    check(await (await open(t, without)).examine(), AMONG_OTHERS, 2);
    const appsDirectory = await t.tempDir();
    const none = await probeIsolation({ clock: realClock, appsDirectory, platformHome: appsDirectory, without });
    const levels = describeIsolation(none).map(({ name, level }) => `${name} ${level}`);
    const users = IS_ROOT ? "users warning" : "users ok";
    assert.equal(levels.slice(0, 3), ["sandbox warning", "builds warning", "process trees warning"]);
    assert.is(levels.at(-1), users);
  });

  test.needing(
    NO_NOBODY ?? NO_SANDBOX,
    "somebody who is not root has the sandbox and the overlay as well",
    async (t) => {
      const report = await examineAsNobody(t, []);
      check(report, ALONE);
      assert.is(report.seen["uid"], String(NOBODY));
    },
  );

  test.needing(NO_NOBODY, "somebody who is not root, with nothing", async (t) => {
    check(await examineAsNobody(t, ["sandbox", "cgroups", "overlay"]), AMONG_OTHERS, 2);
  });

  test("an app may do without the sandbox, and share the built code", async (t) => {
    const lab = await open(t);
    const unshut = await lab.look({ sandbox: false, readOnly: false });
    assert.is(unshut.seen["secret"], "seen");
    if (NO_SANDBOX !== undefined) return;
    const shared = await lab.look({ sandbox: true, readOnly: true });
    const { directory, file, layer } = shared.seen;
    assert.equal([directory, file, layer], ["read-only", "as built", "as built"]);
  });

  test.needing(NO_OVERLAY, "an overlay is made of the built code without a copy", async (t) => {
    const lab = await open(t);
    const started = await lab.runtime.start(lab.spec("echo new >new; rm file; echo ready; exec sleep 600"));
    await says(started, "ready");
    const run = join(started.spool, "..");
    assert.equal(await readdir(join(run, "app")), []);
    assert.equal((await readdir(join(run, "changes"))).sort(), ["file", "new"]);
    assert.equal((await readdir(lab.slug)).sort(), ["file", "lib"]);
    await lab.runtime.signal(started.id, "SIGKILL");
    assert.is((await lab.end(started.id)).status, 137);
  });

  for (const without of [[], ["cgroups"]] as const) {
    const name = without.length === 0 ? "with all that there is" : "by its pid namespace";
    test.needing(NO_SANDBOX, `another daemon takes a process over, ${name}`, async (t) => {
      const directory = await t.tempDir();
      const first = await open(t, without, directory);
      const handler = `trap 'echo handled; exit 5' TERM; echo ready; while :; do sleep 0.01; done`;
      const started = await first.runtime.start(first.spec(`env -i setsid sleep ${first.mark} & ${handler}`));
      await says(started, "ready");
      await first.runtime.close({ detach: true });
      const second = await open(t, without, directory);
      assert.equal(await second.runtime.list("foobaz"), [started]);
      await second.runtime.signal(started.id, "SIGTERM");
      const { status, output } = await second.end(started.id);
      assert.is(status, 5);
      assert.match(output, "handled\n");
      assert.equal(await escapees(first.mark), []);
    });

    test.needing(NO_SANDBOX, `the rest ends at once after a crash, in its time after SIGTERM, ${name}`, async (t) => {
      const lab = await open(t, without);
      const crashed = await lab.run(`env -i setsid sleep ${lab.mark} & exit 4`);
      assert.is(crashed.status, 4);
      assert.equal(await escapees(lab.mark), []);
      const child = `trap "sleep 0.2; echo finished; exit 0" TERM; echo ready; while :; do sleep 0.01; done`;
      const started = await lab.runtime.start(lab.spec(`setsid sh -c '${child}'; true`));
      await says(started, "ready");
      await lab.runtime.signal(started.id, "SIGTERM");
      const { status, output } = await lab.end(started.id);
      assert.is(status, 143);
      assert.match(output, "finished\n");
    });
  }

  test.needing(NO_SANDBOX, "a sandbox whose keeper is killed takes everything with it", async (t) => {
    const lab = await open(t, ["cgroups"]);
    const started = await lab.runtime.start(lab.spec(`echo ready; exec sleep ${lab.mark}`));
    await says(started, "ready");
    const [keeper] = (await readFile(join(started.spool, "..", "state", "pid"), "utf8")).split(" ");
    process.kill(Number(keeper), "SIGKILL");
    assert.is((await lab.end(started.id)).status, 137);
    assert.equal(await escapees(lab.mark), []);
  });

  test.needing(
    NO_SANDBOX,
    "programs of the PATH are there wherever they are, and nothing else beside them",
    async (t) => {
      const lab = await open(t);
      const tools = await t.tempDir();
      for (const name of ["bin", "lib", "private"]) await mkdir(join(tools, name));
      await writeFile(join(tools, "lib", "word"), "hello\n");
      await writeFile(join(tools, "bin", "greet"), `#!/bin/sh\ncat ${tools}/lib/word; ls ${tools}\n`, { mode: 0o755 });
      const env = { PATH: `${tools}/bin:${PATH}` };
      assert.equal(await lab.run("greet; node -p 1+1", { env }), { status: 0, output: "hello\nbin\nlib\n2\n" });
    },
  );

  test.needing(HERE.cgroups?.memory === undefined ? "a memory control group" : NO_SANDBOX, "limits", async (t) => {
    const lab = await open(t);
    // It looks for the last line of what has none.
    const eat = "exec tail /dev/zero";
    assert.is((await lab.run(eat, { limits: { memoryBytes: 120e6 } })).status, 137);
    // bash would try again for fifteen seconds.
    const fork = "exec /bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; echo all'";
    const { output } = await lab.run(fork, { limits: { processes: 8 } });
    assert.match(output, "fork");
    const started = await lab.runtime.start(lab.spec("echo ready; exec sleep 600", { limits: { memoryBytes: 1e9 } }));
    await says(started, "ready");
    const bytes = (await lab.runtime.memory(started.id)) ?? 0;
    assert.ok(bytes > 5e4 && bytes < 2e7, String(bytes));
  });

  test("control groups are found in every arrangement of hierarchies", () => {
    assert.equal(foundFrom("0::/user.slice/app\n", [mountLine("/", "/sys/fs/cgroup", "cgroup2", "rw")]), {
      unified: "/sys/fs/cgroup/user.slice/app",
    });
    const both = [
      mountLine("/", "/cg/unified", "cgroup2", "rw"),
      mountLine("/", "/cg/cpu", "cgroup", "rw,cpu,cpuacct"),
    ];
    assert.equal(foundFrom("4:cpu,cpuacct:/x\n0::/\n", both), {
      unified: "/cg/unified",
      rw: "/cg/cpu",
      cpu: "/cg/cpu/x",
      cpuacct: "/cg/cpu/x",
    });
    // In a container the mount shows a part of the hierarchy.
    assert.equal(foundFrom("0::/docker/1/a\n", [mountLine("/docker/1", "/sys/fs/cgroup", "cgroup2", "rw")]), {
      unified: "/sys/fs/cgroup/a",
    });
    assert.equal(foundFrom("0::/elsewhere\n", [mountLine("/docker/1", "/sys/fs/cgroup", "cgroup2", "rw")]), {});
    assert.equal(foundFrom("", []), {});
  });
});
