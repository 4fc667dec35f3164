/** The ports of apps' processes, closed to other machines: the rules in a kernel, the unit, and what doctor says. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { closedPorts } from "../../src/bin/exposed-ports.ts";
import { NFT } from "../../src/core/port-guard.ts";
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
/** What it takes to have another machine. */
const NO_OTHER_MACHINE = (() => {
  const program = [NFT, "ip", "nsenter"].find((one) => spawnSync(one, ["-V"]).error !== undefined);
  if (program !== undefined) return program;
  const tried = "ip link add here type veth peer name there && exec nft list ruleset";
  const { status } = spawnSync("unshare", ["--net", "sh", "-c", tried]);
  return status === 0 ? undefined : "root, networks of its own and nftables in the kernel";
})();

describe("closed ports", (test) => {
  test("doctor says that ports are closed when the unit is there and did its work", async (t) => {
    const { root, run } = await stage(t);
    const unit = join(root, PLACES.portsUnit);
    assert.is(await closedPorts({ unit, systemctl: "true" }), undefined);
    await run("server:install");
    assert.is((await closedPorts({ unit, systemctl: "true" }))?.level, "ok");
    for (const systemctl of ["false", join(root, "none")]) assert.is(await closedPorts({ unit, systemctl }), undefined);
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
