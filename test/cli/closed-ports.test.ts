/** The ports of apps' processes, closed to other machines: the rules in a kernel, the unit, and what doctor says. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { guardedPorts } from "../../src/bin/exposed-ports.ts";
import { lookIntoKernel } from "../../src/cli/port-table.ts";
import { NFT, portsAreClosed } from "../../src/core/port-guard.ts";
import { PLACES } from "../../src/core/server-files.ts";
import { describe } from "../support/suite.ts";
import { missing, mustPass, stage } from "./server-lab.ts";

/** A network of this machine, with another one beside it: $0 is nft, $1 the rules. */
const TWO_MACHINES = `set -e
ip link set lo up
unshare --net sleep 600 & other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do kill -0 $other; done
ip link add here type veth peer name there netns $other
ip addr add 192.0.2.1/24 dev here
ip link set here up
there() { nsenter --target $other --net "$@"; }
there ip addr add 192.0.2.2/24 dev there
there ip link set there up
"$0" -f "$1"
"$0" -f "$1"
exec 3< <(exec node -e '
  let left = 4;
  for (const port of [19999, 20000, 29999, 30000])
    require("net").createServer((s) => s.end()).listen(port, "0.0.0.0", () => --left || console.log("ready"));
')
server=$!
read -r ready <&3
reach() { "$@" bash -c "</dev/tcp/192.0.2.1/$port" 2>/dev/null && echo yes || echo no; }
for port in 19999 20000 29999 30000; do
  echo "$port: own $(reach env), outside $(reach there)"
done
"$0" delete table inet git_heroku
port=20000
echo "opened: $(reach there)"
kill $server $other
`;
const NFTABLES_UNIT = "/usr/lib/systemd/system/nftables.service";
/** What it takes to have another machine. */
const NO_OTHER_MACHINE = (() => {
  const program = [NFT, "ip", "nsenter"].find((one) => spawnSync(one, ["-V"]).error !== undefined);
  if (program !== undefined) return program;
  const tried = "ip link add here type veth peer name there && exec nft list ruleset";
  const { status } = spawnSync("unshare", ["--net", "sh", "-c", tried]);
  return status === 0 ? undefined : "root, networks of its own and nftables in the kernel";
})();

describe("closed ports", (test) => {
  test("doctor says whether the unit that closes ports did its work", async (t) => {
    const { root, run } = await stage(t);
    const unit = join(root, PLACES.portsUnit);
    assert.is(await guardedPorts({ unit, systemctl: "true" }), undefined);
    await run("server:install");
    assert.is((await guardedPorts({ unit, systemctl: "true" }))?.level, "ok");
    const open = await guardedPorts({ unit, systemctl: "false" });
    assert.is(open?.message, "20000 to 29999 are open to other machines: git-heroku-ports.service is not active");
    assert.is(open?.hint, "Close them: systemctl restart git-heroku-ports.service");
    assert.is(await guardedPorts({ unit, systemctl: join(root, "none") }), undefined);
  });

  test("nftables.service puts the rules back by its start, as long as the unit is wanted", async (t) => {
    const { root, run } = await stage(t);
    await run("server:install");
    const text = await readFile(join(root, PLACES.portsDropIn), "utf8");
    assert.equal(text.split("\n").slice(1), [
      "[Service]",
      "ExecStartPost=-systemctl --no-block try-reload-or-restart git-heroku-ports.service",
      "",
    ]);
    const unit = await readFile(join(root, PLACES.portsUnit), "utf8");
    for (const line of [
      // Its reload is the file once more, and it comes after all tables were removed.
      "ExecReload=/usr/sbin/nft -f /etc/git-heroku-ports.nft",
      "After=nftables.service",
      // What nftables.service does again later.
      "PartOf=nftables.service",
      "ReloadPropagatedFrom=nftables.service",
    ])
      assert.ok(unit.split("\n").includes(line), line);
  });

  test.needing(
    existsSync(NFT) ? missing("systemd-analyze") : "nft",
    "systemd takes the unit that closes ports",
    async (t) => {
      const { root, run } = await stage(t);
      await run("server:install");
      mustPass("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", join(root, PLACES.portsUnit));
    },
  );

  test.needing(
    existsSync(NFTABLES_UNIT) ? missing("systemd-analyze") : "nftables' unit",
    "systemd takes what is added to nftables.service",
    async (t) => {
      const { root, run } = await stage(t);
      await run("server:install");
      const unit = join(root, PLACES.portsUnit, "../nftables.service");
      await copyFile(NFTABLES_UNIT, unit);
      // What it does not know in a drop-in is a fault for it.
      mustPass("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit);
    },
  );

  test.needing(NO_OTHER_MACHINE, "doctor sees that the table is gone from the kernel", async (t) => {
    const { root, run } = await stage(t);
    await run("server:install");
    const unit = join(root, PLACES.portsUnit);
    const network = spawn("unshare", ["--net", "sh", "-c", "echo made; exec sleep 600"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    t.after(() => network.kill("SIGKILL"));
    await once(network.stdout, "data");
    const nft = join(root, "nft");
    const own = async (before = ""): Promise<void> =>
      writeFile(nft, `#!/bin/sh\nexec nsenter --net=/proc/${String(network.pid)}/ns/net ${before} ${NFT} "$@"\n`, {
        mode: 0o755,
      });
    await own();
    const look = async (): Promise<unknown> => lookIntoKernel([portsAreClosed()], { unit, nft });
    mustPass(nft, "-f", join(root, PLACES.ports));
    assert.equal(await look(), [portsAreClosed()]);
    // As Debian's nftables.service begins.
    mustPass(nft, "flush", "ruleset");
    assert.equal(await look(), [
      {
        ...portsAreClosed(),
        level: "warning",
        message: "20000 to 29999 are open to other machines: the table inet git_heroku is not in the kernel",
        hint: "Close them: systemctl restart git-heroku-ports.service",
      },
    ]);
    await own("setpriv --reuid=65534 --regid=65534 --clear-groups");
    assert.equal(await look(), [portsAreClosed()], "nobody but root is told");
    assert.equal(await lookIntoKernel([portsAreClosed()], { unit: join(root, "none"), nft }), [portsAreClosed()]);
  });

  test.needing(
    NO_OTHER_MACHINE,
    "another machine does not come to the ports of processes, this one and the rest does",
    async (t) => {
      const { root, run } = await stage(t);
      await run("server:install");
      const lines = mustPass(
        "unshare",
        "--net",
        "--kill-child",
        "bash",
        "-c",
        TWO_MACHINES,
        NFT,
        join(root, PLACES.ports),
      );
      assert.equal(lines.split("\n").slice(0, -1), [
        "19999: own yes, outside yes",
        "20000: own yes, outside no",
        "29999: own yes, outside no",
        "30000: own yes, outside yes",
        "opened: yes",
      ]);
    },
  );
});
