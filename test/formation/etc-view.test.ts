/** The /etc that the platform keeps for its sandboxes: what is in it, and that it follows the machine's in place. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { EtcView } from "../../src/formation/etc-view.ts";
import { describe } from "../support/suite.ts";
import { MISSING_PROC } from "./support.ts";

// As the daemon has it.
process.umask(0o077);

const MOUNTED = new Set(["--ro-bind", "--ro-bind-try"]);

describe("etc view", (test) => {
  test.needing(
    MISSING_PROC,
    "it has what programs need and nothing else, and is brought up to date in place",
    async (t) => {
      const place = join(await t.tempDir(), "sandbox");
      const first = await EtcView.open(place, () => true);
      const { directory } = first;
      assert.equal(first.words().slice(0, 3), ["--ro-bind", directory, "/etc"]);
      assert.is(readFileSync(join(directory, "passwd"), "utf8"), readFileSync("/etc/passwd", "utf8"));
      for (const secret of ["shadow", "gshadow", "sudoers", "ssl/private", "ssh"]) {
        assert.not.ok(existsSync(join(directory, secret)), secret);
      }
      const before = statSync(directory).ino;
      writeFileSync(join(directory, "passwd"), "of yesterday\n");
      writeFileSync(join(directory, "locale.conf"), "of yesterday\n");
      const again = await EtcView.open(place, () => true);
      assert.is(statSync(directory).ino, before);
      assert.is(readFileSync(join(directory, "passwd"), "utf8"), readFileSync("/etc/passwd", "utf8"));
      assert.is(existsSync(join(directory, "locale.conf")), existsSync("/etc/locale.conf"));
      assert.equal(readdirSync(place), ["etc"]);
      for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
        if (entry.isDirectory())
          assert.is(statSync(join(entry.parentPath, entry.name)).mode & 0o777, 0o755, entry.name);
      }
      for (const word of again.words()) {
        if (word.startsWith("/etc/")) assert.ok(existsSync(join(directory, word.slice("/etc/".length))), word);
        else assert.ok(MOUNTED.has(word) || word === directory || word === "/etc", word);
      }
    },
  );
});
