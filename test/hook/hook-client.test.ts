import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { chooseHookClient, formatHookEnv, type Probe } from "../../src/hook/hook-client.ts";
import { probeProgram } from "../../src/hook/probe-program.ts";
import { describe } from "../support/suite.ts";

const OPENBSD = "usage: nc [-46CDdFhklNnrStUuvZz]\n\tCommand Summary:\n\t\t-U\t\tUse UNIX domain socket\n";
const TRADITIONAL = "[v1.10-47]\noptions:\n\t-u\t\t\tUDP mode\n\t-v\t\t\tverbose\n";

function machine(answers: Record<string, string>): Probe {
  return async (command) => answers[command];
}

/** This machine, if it had only one program. */
function onlyWith(name: string): Probe {
  return async (command, args) => (command === name ? probeProgram(command, args) : undefined);
}

describe("hook client", (test) => {
  test("takes the first client that can do it", async () => {
    assert.is(
      await chooseHookClient(machine({ nc: OPENBSD, perl: "unix", bash: "connect: Connection refused\n" })),
      "nc",
    );
    assert.is(
      await chooseHookClient(machine({ nc: TRADITIONAL, perl: "unix", bash: "connect: Connection refused\n" })),
      "perl",
    );
    assert.is(await chooseHookClient(machine({ nc: TRADITIONAL, bash: "connect: Connection refused\n" })), "bash");
    assert.is(
      await chooseHookClient(machine({ bash: "bash: /dev/tcp/127.0.0.1/1: No such file or directory" })),
      "node",
    );
    assert.is(await chooseHookClient(machine({})), "node");
  });

  test("the real programs of this machine are asked in a way that they answer", async () => {
    const seen = await Promise.all(["perl", "bash", "none"].map((name) => chooseHookClient(onlyWith(name))));
    assert.ok(["perl", "node"].includes(seen[0] ?? ""));
    assert.is(seen[1], "bash");
    assert.is(seen[2], "node");
  });

  test("sh reads hook-env back, quotes and all", async (t) => {
    const home = '/home/o\'neill/a b/$HOME `x` "y"';
    const file = join(await t.tempDir(), "hook-env");
    const env = { client: "nc", node: "/n", nodeClient: "/c", daemon: "/d", log: "/l" } as const;
    await writeFile(file, formatHookEnv({ ...env, home }));
    const script = '. "$1"; printf "%s|" "$client" "$node" "$node_client" "$daemon" "$home" "$log" "$start_seconds"';
    const { stdout } = await promisify(execFile)("sh", ["-c", script, "sh", file]);
    assert.is(stdout, `nc|/n|/c|/d|${home}|/l|30|`);
  });
});
