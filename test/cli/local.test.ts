/** `git heroku local` and `local:run`: real processes of small Procfiles, without any platform. */
import { access, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { LocalLab } from "../support/local-lab.ts";

const LINUX = process.platform === "linux" ? undefined : "/proc";

describe("local", (test) => {
  test("lines with names, ports and variables; the first that ends ends all, its status counts", async (t) => {
    const lab = await LocalLab.make(t, {
      Procfile:
        'worker: echo "$PS $PORT $FOO $BAR"; echo oops >&2; printf "no line end"; touch said; exec cat\nweb: until [ -e said ]; do sleep 0.02; done; echo "$PS $PORT"; exit 3\nrelease: echo never\n',
      ".env": "PORT=18200\nFOO='from .env'\n",
    });
    lab.env["BAR"] = "terminal";
    const { status, output } = await lab.run("local");
    const lines = output.trimEnd().split("\n");
    assert.is(status, 3);
    const byName = (name: string): string[] =>
      lines.filter((line) => line.startsWith(name)).map((line) => line.slice(line.indexOf("| ") + 2));
    assert.equal(byName("worker.1 | "), [
      "started with pid N",
      "worker.1 18200 from .env terminal",
      "oops",
      "no line end",
      "terminated by SIGTERM",
    ]);
    assert.equal(byName("web.1    | "), ["started with pid N", "web.1 18300", "exited with code 3"]);
    assert.equal(byName("system   | "), ["sending SIGTERM to all processes"]);
    assert.is(lines.length, 9);
    assert.match(String(await rejects(access(join(lab.env["GIT_HEROKU_HOME"] ?? "")))), "ENOENT", "no platform");
  });

  test.needing(LINUX, "Ctrl-C ends whole trees, also what left its session, and what will not go", async (t) => {
    const lab = await LocalLab.make(t, {
      Procfile:
        "web: trap '' TERM; sleep 600 & (setsid sleep 601 &); echo ready; while :; do wait; sleep 0.05; done\nworker: trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done\n",
    });
    // Time enough for the worker to end; the web process takes all of it.
    const program = lab.start("local", "--port", "18400", "--timeout", "3");
    await program.until("web.1    | ready");
    await program.until("worker.1 | ready");
    program.kill("SIGINT");
    program.kill("SIGINT");
    assert.is(await program.ended, 130);
    for (const words of [
      "system   | SIGINT received",
      "system   | sending SIGTERM to all processes",
      "worker.1 | bye",
      "system   | sending SIGKILL to all processes",
      "web.1    | terminated by SIGKILL",
    ])
      assert.match(program.output, `${words}\n`);
    assert.equal(await lab.living(), []);
  });

  test.needing(LINUX, "nothing outlives it when it is killed, or when nobody reads any more", async (t) => {
    const lab = await LocalLab.make(t, {
      Procfile: "web: (setsid sleep 600 &); while :; do echo ready; sleep 0.1; done\n",
    });
    const killed = lab.start("local", "--port", "18500");
    await killed.until("ready");
    killed.kill("SIGKILL");
    await killed.ended;
    while ((await lab.living()).length > 0) await sleep(20);
    const unread = lab.start("local", "--port", "18500");
    await unread.until("ready");
    unread.child.stdout?.destroy();
    assert.is(await unread.ended, 0);
    while ((await lab.living()).length > 0) await sleep(20);
  });

  test("ports: those of the platform and those in use are passed over, or refused when asked for", async (t) => {
    const lab = await LocalLab.make(t, { Procfile: "web: echo $PORT\n" });
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen({ port: 18600, host: "127.0.0.1" }, resolve));
    t.after(() => taken.close());
    const refused = await lab.run("local", "-p", "18600");
    assert.equal([refused.status, /Port 18600 is taken/.test(refused.output)], [1, true]);
    await mkdir(lab.env["GIT_HEROKU_HOME"] ?? "");
    await writeFile(join(lab.env["GIT_HEROKU_HOME"] ?? "", "ports.json"), '{"router":5000}\n');
    const { status, output } = await lab.run("local");
    assert.is(status, 0);
    assert.match(output, /Ports begin at (6|7|8|9)000, because those from 5000 on are not free/);
    assert.match(output, /web\.1 {2}\| [6-9]000\n/);
  });

  test("local:run has the terminal's place: directory, streams, status; a type stands for its command", async (t) => {
    const lab = await LocalLab.make(t, {
      Procfile: "task: echo $FOO $PORT\n",
      ".env": "FOO=1\n",
      ".env.test": "FOO=2\n",
    });
    assert.equal(await lab.run("local:run", "task", "extra"), { status: 0, output: "1 extra\n" });
    assert.equal(await lab.run("local:run", "-e", ".env,.env.test", "-p", "99", "--", "task"), {
      status: 0,
      output: "2 99\n",
    });
    assert.equal(await lab.run("local:run", "kill -9 $$"), { status: 137, output: "" });
  });

  test("tells what is wrong", async (t) => {
    const lab = await LocalLab.make(t, { "package.json": "{}" });
    for (const [words, said] of [
      [["local"], "There is no Procfile here."],
      [["local", "-f", "Other"], 'There is no file "Other".'],
      [["local:run", "-e", ".env.no", "true"], 'There is no file ".env.no".'],
    ] as const) {
      const { status, output } = await lab.run(...words);
      assert.is(status, 1);
      assert.match(output, ` !    ${said}\n`);
    }
    await writeFile(join(lab.cwd, "package.json"), '{"scripts":{"start":"exit 7"}}');
    const { status, output } = await lab.run("local", "-p", "18700");
    assert.is(status, 7, output);
    // As Heroku's client has it: before what the package would start, and behind a Procfile.
    const given = await lab.run("local", "-p", "18700", "--start-cmd", "exit 5");
    assert.is(given.status, 5, given.output);
    await writeFile(join(lab.cwd, "Procfile"), "web: exit 6\n");
    const unneeded = await lab.run("local", "-p", "18700", "--start-cmd", "exit 5");
    assert.is(unneeded.status, 6, unneeded.output);
    const clash = await lab.run("local", "--release", "v1", "--start-cmd", "exit 5", "-a", "foobaz");
    assert.match(clash.output, "--release comes with a Procfile of its own.");
  });
});
