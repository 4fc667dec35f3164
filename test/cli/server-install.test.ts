/** The files of `server:install`, made below another root and read by the programs that they are for. */
import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { CADDY_IMPORT, PLACES } from "../../src/core/server-files.ts";
import { AUTHORITY, CERTIFICATE, CERTIFICATE_KEY } from "../support/certificates.ts";
import { MISSING_SSHD, readySshd } from "../support/sshd.ts";
import { describe } from "../support/suite.ts";
import { missing, mustPass, stage } from "./server-lab.ts";

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function contentsBelow(root: string): Promise<[string, string][]> {
  const files = await filesBelow(root);
  return Promise.all(
    files.map(async (file) => [file, await readFile(file, "utf8").catch(() => "a link")] as [string, string]),
  );
}

describe("server:install", (test) => {
  test("shows every change without making one; twice is as once; uninstall takes all back", async (t) => {
    const { root, run } = await stage(t);
    await mkdir(join(root, "etc/caddy"), { recursive: true });
    await writeFile(join(root, PLACES.caddyMain), ":80 {\n\trespond ok\n}\n");
    const before = await contentsBelow(root);
    const options = ["--front", "caddy", "--domain", "apps.example.com"];
    const shown = await run("server:install", ...options, "--dry-run");
    assert.equal([shown.status, shown.stderr], [0, ""]);
    assert.equal(await contentsBelow(root), before);
    assert.is((await run("server:install", ...options)).status, 0);
    const made = await contentsBelow(root);
    const { unit, ports, portsUnit, portsDropIn, directories, sshd, caddy, caddyMain } = PLACES;
    for (const path of [unit, ports, portsUnit, portsDropIn, directories, sshd, caddy, caddyMain]) {
      assert.ok(shown.stdout.includes(`Write ${path}\n`), path);
      const text = await readFile(join(root, path), "utf8");
      for (const line of text.split("\n").filter((one) => one !== ""))
        assert.ok(shown.stdout.includes(`    ${line}\n`), line);
    }
    for (const command of [
      "useradd --system",
      "systemctl enable --now git-heroku.service",
      "systemctl reload ssh",
      "systemctl enable git-heroku-ports.service",
    ])
      assert.ok(shown.stdout.includes(`Run ${command}`), command);
    const again = await run("server:install", ...options, "--dry-run");
    assert.not.match(again.stdout, /^(Write|Link|Remove)/m);
    assert.is((await run("server:upgrade")).status, 0);
    assert.equal(await contentsBelow(root), made);
    const opened = await run("server:install", ...options, "--open-ports");
    assert.match(opened.stdout, "systemctl disable --now git-heroku-ports.service\n");
    assert.equal(
      (await filesBelow(root)).filter((path) => /ports|nftables/.test(path)),
      [],
    );
    assert.is((await run("server:upgrade")).status, 0);
    assert.not.ok((await filesBelow(root)).includes(join(root, ports)));
    assert.is((await run("server:install", ...options)).status, 0);
    assert.equal(await contentsBelow(root), made);
    assert.is((await run("server:uninstall", "--dry-run")).status, 0);
    assert.equal(await contentsBelow(root), made);
    assert.is((await run("server:uninstall")).status, 0);
    assert.equal(await filesBelow(root), [join(root, PLACES.caddyMain)]);
    assert.not.ok((await readFile(join(root, PLACES.caddyMain), "utf8")).includes(CADDY_IMPORT));
    const gone = await run("server:upgrade");
    assert.match(gone.stderr, /No platform is installed here/);
  });

  test("another purpose's user, odd names and half a front are refused, and nothing is made", async (t) => {
    const { root, run } = await stage(t);
    await mkdir(join(root, "etc"));
    await writeFile(join(root, "etc/passwd"), "git:x:110:110:gitolite:/home/git:/bin/bash\n");
    const refused: [words: string[], says: RegExp][] = [
      [[], /a user git already/],
      [["--user", "a;reboot"], /not a name of a system user/],
      [["--user", "deploy\nUser=root"], /not a name of a system user/],
      [["--user", "p", "--front", "caddy", "--domain", "a.b {\n}"], /not a domain/],
      [["--user", "p", "--front", "nginx", "--domain", "a.example"], /nginx makes no certificates/],
      [
        ["--user", "p", "--front", "nginx", "--domain", "a.example", "--certificate", "/a;b", "--key", "/k"],
        /without odd characters/,
      ],
      [["--user", "p", "--front", "apache"], /caddy or nginx/],
      [["--user", "p", "--domain", "a.example"], /for a front/],
    ];
    for (const [words, says] of refused) {
      const { status, stderr } = await run("server:install", ...words);
      assert.ok(status === 1 || status === 2, words.join(" "));
      assert.match(stderr, says);
    }
    assert.equal(await filesBelow(root), [join(root, "etc/passwd")]);
  });

  test.needing(
    MISSING_SSHD,
    "sshd reads its part: the keys of the platform, and nothing but the forced command",
    async (t) => {
      const { root, run } = await stage(t);
      await run("server:install");
      await readySshd();
      mustPass("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(root, "host"));
      const config = join(root, "sshd_config");
      // As Debian's has it.
      await writeFile(
        config,
        `Include ${root}/etc/ssh/sshd_config.d/*.conf\nHostKey ${root}/host\nX11Forwarding yes\nUsePAM no\n`,
      );
      mustPass("/usr/sbin/sshd", "-t", "-f", config);
      const effective = (user: string): string =>
        mustPass("/usr/sbin/sshd", "-T", "-f", config, "-C", `user=${user},host=a,addr=127.0.0.1`);
      const git = effective("git").split("\n");
      for (const line of [
        "authorizedkeysfile /run/git-heroku/authorized_keys",
        "authenticationmethods publickey",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "allowtcpforwarding no",
        "allowstreamlocalforwarding no",
        "allowagentforwarding no",
        "x11forwarding no",
        "permittty no",
        "permittunnel no",
        "permituserrc no",
      ])
        assert.ok(git.includes(line), line);
      const others = effective("ned").split("\n");
      assert.ok(others.includes("x11forwarding yes"));
      assert.ok(others.includes("permittty yes"));
    },
  );

  test.needing(missing("systemd-analyze"), "systemd takes the unit, of the user and of root", async (t) => {
    for (const words of [[], ["--as-root"]]) {
      const { root, run } = await stage(t);
      await run("server:install", ...words);
      mustPass("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", join(root, PLACES.unit));
      const unit = await readFile(join(root, PLACES.unit), "utf8");
      assert.is(/^User=git$/m.test(unit), words.length === 0);
      assert.match(unit, /^KillMode=process$/m);
      // Each of these would keep sandboxes from having a /proc, or take /tmp from what runs on.
      assert.not.match(
        unit,
        /^(?:PrivateTmp|PrivateUsers|Protect(?:Proc|KernelTunables|KernelLogs|ControlGroups|Hostname)|ProcSubset|RestrictNamespaces|MemoryDenyWriteExecute)=/m,
      );
    }
  });

  test.needing(missing("nginx"), "nginx takes the site", async (t) => {
    const { root, run } = await stage(t);
    const [certificate, key] = [join(root, "cert.pem"), join(root, "key.pem")];
    await writeFile(certificate, CERTIFICATE + AUTHORITY);
    await writeFile(key, CERTIFICATE_KEY);
    await run(
      "server:install",
      "--front",
      "nginx",
      "--domain",
      "apps.example.com",
      "--certificate",
      certificate,
      "--key",
      key,
    );
    const config = join(root, "nginx.conf");
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${root}/${name};`,
    );
    await writeFile(
      config,
      `pid ${root}/pid;\nevents {}\nhttp {\naccess_log off;\n${paths.join("\n")}\ninclude ${join(root, PLACES.nginx)};\n}\n`,
    );
    mustPass("nginx", "-t", "-q", "-e", join(root, "error.log"), "-c", config);
  });

  test.needing(missing("caddy"), "Caddy takes the site, with a certificate and with its own authority", async (t) => {
    const { root, run } = await stage(t);
    const [certificate, key] = [join(root, "cert.pem"), join(root, "key.pem")];
    await writeFile(certificate, CERTIFICATE + AUTHORITY);
    await writeFile(key, CERTIFICATE_KEY);
    for (const words of [[], ["--certificate", certificate, "--key", key]]) {
      await run("server:install", "--front", "caddy", "--domain", "apps.example.com", ...words);
      const site = join(root, PLACES.caddy);
      const { status, stderr } = spawnSync("caddy", ["validate", "--adapter", "caddyfile", "--config", site], {
        env: { PATH: process.env["PATH"], HOME: root },
        encoding: "utf8",
      });
      assert.is(status, 0, stderr);
    }
  });
});
