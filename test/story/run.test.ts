/** One-off processes by the hand of a user: they live beside the formation, and outlive the daemon. */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Dyno } from "../../src/api/resources.ts";
import { NO_USERS } from "../formation/isolation-here.ts";
import { runningProcesses, untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilState, untilUp } from "../support/deploy.ts";
import { makeGate } from "../support/gate.ts";
import { borrowPlatform, processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

async function runsOf(platform: TestPlatform): Promise<Dyno[]> {
  return (await platformClient(platform).dynos("foobaz", true)).filter(({ type }) => type === "run");
}

describe("one-off processes", (test) => {
  const common = test.shared(startPlatform);

  test("a session: start, look, stop, and all that can be typed wrong", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    await runTranscript(join(ROOT, "test/transcripts/run.txt"), { cwd: clone, env: platform.env });
    const log = await must(platform, clone, "heroku", "logs", "-n", "1000", "--source", "heroku");
    assert.not.match(log, "good day");
  });

  test("--json and the API's own ways", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    const started = JSON.parse(
      await must(platform, clone, "heroku", "run:detached", "--json", "--", "sleep", "60"),
    ) as Dyno;
    assert.equal([started.name, started.type, started.command, started.state], ["run.1", "run", "sleep 60", "up"]);
    const client = platformClient(platform);
    // Its last words, however quick it is, and nothing of another one.
    const words = ["run:detached", "--tail", "--", "echo one; echo two; exit 3"];
    const followed = (await must(platform, clone, "heroku", ...words)).split("\n");
    assert.equal(
      followed.map((line) => line.replace(/^\S+ (app|heroku)\[/, "$1[")),
      [
        "Running echo one; echo two; exit 3 on foobaz... done, run.2",
        "heroku[run.2]: Starting process with command: `echo one; echo two; exit 3`",
        "heroku[run.2]: State changed from starting to up",
        "app[run.2]: one",
        "app[run.2]: two",
        "heroku[run.2]: Process exited with status 3",
        "heroku[run.2]: State changed from up to complete",
      ],
    );
    await client.changeConfig("foobaz", { GREETING: "hey" });
    const older = await client.runDetached("foobaz", { command: "exec sleep 60", release: "v2" });
    assert.is(older.release.version, 2);
    await client.stopType("foobaz", "run");
    await untilSame([], () => runsOf(platform));
  });

  test("kill -9 of the daemon: it goes on, and its status and its output are complete", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const gate = makeGate(platform, "run");
    const count = "for i in 1 2 3 4 5; do echo line $i; done";
    const command = `${count}; until [ -e ${gate.path} ]; do sleep 0.02; done; ${count}; exit 7`;
    await must(platform, clone, "heroku", "run:detached", command);
    const [before] = await runsOf(platform);
    await platform.kill();
    await platform.start();
    const [after] = await runsOf(platform);
    assert.equal([after?.id, after?.extended?.pid, after?.state], [before?.id, before?.extended?.pid, "up"]);
    // The other half of its life is over before anybody looks.
    await platform.kill();
    await gate.open();
    await untilSame(false, async () =>
      (await runningProcesses("foobaz", platform.home)).some((one) => one.startsWith("run")),
    );
    await platform.start();
    const log = (source: string): Promise<string> =>
      must(platform, clone, "heroku", "logs", "--ps", "run.1", "--source", source);
    await untilSame(true, async () => (await log("heroku")).includes("State changed from up to complete"));
    assert.match(await log("heroku"), "Process exited with status 7\n");
    const lines = (await log("app")).split("\n").map((line) => line.replace(/^.*: /, ""));
    const five = [1, 2, 3, 4, 5].map((number) => `line ${String(number)}`);
    assert.equal(lines, [...five, ...five]);
    assert.equal(await readdir(join(platform.home, "apps/foobaz/run")).then((names) => names.filter(isRun)), []);
  });

  test("a deploy, a rollback and a restart leave it alone; destroy ends it", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await must(platform, clone, "heroku", "run:detached", "exec sleep 600");
    const [before] = await runsOf(platform);
    await writeFile(join(clone, "change.txt"), "x\n");
    await must(platform, clone, "add", ".");
    await must(platform, clone, "commit", "-q", "-m", "x");
    await must(platform, clone, "push", "-q", "production", "main");
    await must(platform, clone, "heroku", "rollback", "v2");
    await must(platform, clone, "heroku", "ps:restart");
    await untilUp(platform, "foobaz", 2);
    const [after] = await runsOf(platform);
    assert.equal([after?.id, after?.extended?.pid, after?.release.version], [before?.id, before?.extended?.pid, 2]);
    await must(platform, clone, "heroku", "destroy", "--confirm", "foobaz");
    assert.equal(await processesOf(join(platform.home, "apps")), []);
  });

  test("server:stop --apps ends it, and a later start does not bring it back", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await must(platform, clone, "heroku", "run:detached", "exec sleep 600");
    await untilState(platform, "foobaz", "up", 2);
    await must(platform, clone, "heroku", "server:stop", "--apps");
    assert.equal(await processesOf(join(platform.home, "apps")), []);
    await platform.start();
    await untilUp(platform, "foobaz", 1);
    assert.equal(await runsOf(platform), []);
    assert.is(await readFile(join(platform.home, "apps/foobaz/last-run"), "utf8"), "1\n");
  });

  test.needing(
    NO_USERS,
    "of root's platform an app is a user of its own, and the next one of its name another",
    async (t) => {
      const platform = await borrowPlatform(t, common);
      const seen: string[] = [];
      for (let round = 0; round < 2; round += 1) {
        const clone = await deployFixture(platform, "foobaz");
        await untilUp(platform, "foobaz", 1);
        seen.push(await must(platform, clone, "heroku", "run", "--", "grep ^Cap /proc/self/status; id; echo >>web.js"));
        await must(platform, clone, "heroku", "destroy", "--confirm", "foobaz");
        await rm(clone, { recursive: true });
      }
      for (const said of seen) {
        assert.match(said, /^(Cap...:\t0{16}\n){5}uid=\d{10}\(app\) gid=\d{10}\(app\) groups=\d{10}\(app\)$/);
      }
      assert.is.not(seen[0], seen[1]);
    },
  );

  test("a Procfile that declares run is told what that means", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await writeFile(join(clone, "Procfile"), "web: node web.js\nrun: echo declared\n");
    await must(platform, clone, "commit", "-q", "-am", "run");
    const push = await platform.exec("git", ["push", "production", "main"], { cwd: clone });
    assert.match(push.stderr, "The type run of the Procfile never runs by itself");
    await must(platform, clone, "heroku", "run:detached", "run");
    await untilSame(true, async () =>
      (await must(platform, clone, "heroku", "logs", "--ps", "run")).includes("app[run.1]: declared"),
    );
    await untilUp(platform, "foobaz", 1);
  });
});

function isRun(name: string): boolean {
  return name.startsWith("run.");
}
