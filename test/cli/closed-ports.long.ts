/** nftables.service and ours under a real systemd, a manager of its own with a network of its own: whatever is done to the one that
 *  removes all tables, the table that closes the ports is there again. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { NFT } from "../../src/core/port-guard.ts";
import { PLACES } from "../../src/core/server-files.ts";
import { describe } from "../support/suite.ts";
import { mustPass, stage } from "./server-lab.ts";

const SYSTEMD = "/usr/lib/systemd/systemd";
const NFTABLES_UNIT = "/usr/lib/systemd/system/nftables.service";

/** $0 is a directory. Each step, and whether the table is there once nothing is left to do. */
const STEPS = `set -e
mount -t tmpfs none /run
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /run/systemd/system "/run/user" "/sys/fs/cgroup/$CGROUP"
echo $$ >"/sys/fs/cgroup/$CGROUP/cgroup.procs"
export XDG_RUNTIME_DIR=/run/user XDG_CONFIG_HOME=$0
${SYSTEMD} --user --unit=basic.target >"$0/systemd.log" 2>&1 &
manager=$!
until systemctl --user is-active --quiet basic.target 2>/dev/null; do kill -0 $manager; done
after() {
  [ $# = 0 ] || systemctl --user "$@"
  until [ "$(systemctl --user list-jobs)" = "No jobs running." ]; do :; done
  ${NFT} list tables | grep -q "^table inet git_heroku$" && table=there || table=gone
  echo "$*: $table, $(systemctl --user is-active git-heroku-ports || true)"
}
after start git-heroku-ports
after start nftables
after reload nftables
after restart nftables
after stop nftables
after start git-heroku-ports
after start nftables
after stop git-heroku-ports
after restart nftables
after reload nftables
kill $manager
wait $manager || true
echo $$ >/sys/fs/cgroup/cgroup.procs
find "/sys/fs/cgroup/$CGROUP" -depth -type d -exec rmdir {} +
`;

const NEEDED = (() => {
  if (process.getuid?.() !== 0) return "root";
  const program = [SYSTEMD, NFTABLES_UNIT, NFT].find((path) => !existsSync(path));
  if (program !== undefined) return program;
  const tried = "mount -t tmpfs none /run && umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup";
  return spawnSync("unshare", ["--mount", "sh", "-c", tried]).status === 0 ? undefined : "a mount of cgroup2";
})();

describe("closed ports under systemd", (test) => {
  test.needing(
    NEEDED,
    "whatever is done to nftables.service, they are closed, unless the unit was stopped",
    async (t) => {
      const { root, run } = await stage(t);
      await run("server:install");
      const units = join(root, "config/systemd/user");
      await mkdir(join(units, "nftables.service.d"), { recursive: true });
      const rules = join(root, PLACES.ports);
      await writeFile(join(root, "nftables.conf"), "flush ruleset\n");
      const texts: [string, string][] = [
        ["git-heroku-ports.service", join(root, PLACES.portsUnit)],
        ["nftables.service", NFTABLES_UNIT],
        ["nftables.service.d/git-heroku.conf", join(root, PLACES.portsDropIn)],
      ];
      for (const [name, path] of texts) {
        const text = (await readFile(path, "utf8"))
          .replaceAll(PLACES.ports, rules)
          .replaceAll("/etc/nftables.conf", join(root, "nftables.conf"))
          .replaceAll("=-systemctl ", "=-systemctl --user ")
          // What only the system's manager can give.
          .replaceAll(/^Protect.*\n/gm, "");
        await writeFile(join(units, name), text);
      }
      const own = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
      const cgroup = `CGROUP=git-heroku-test-${String(process.pid)}`;
      const shown = mustPass("env", cgroup, "unshare", ...own, "bash", "-c", STEPS, join(root, "config"));
      assert.equal(shown.split("\n").slice(0, -1), [
        "start git-heroku-ports: there, active",
        "start nftables: there, active",
        "reload nftables: there, active",
        "restart nftables: there, active",
        "stop nftables: gone, inactive",
        "start git-heroku-ports: there, active",
        "start nftables: there, active",
        "stop git-heroku-ports: gone, inactive",
        "restart nftables: gone, inactive",
        "reload nftables: gone, inactive",
      ]);
    },
  );
});
