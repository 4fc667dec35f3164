/** What a buildpack can reach, at each level of this machine. */
import { execFile } from "node:child_process";
import { chown } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { NO_NOBODY, NO_SANDBOX, NO_USERS, NOBODY } from "../formation/isolation-here.ts";
import { PATH } from "../formation/support.ts";
import { describe } from "../support/suite.ts";
import { examineBuild, type SandboxReport, USER } from "./sandbox-lab.ts";

const LAB = fileURLToPath(new URL("sandbox-lab.js", import.meta.url));

const ALWAYS = { token: "read", cache: "kept", scratch: "writable", code: "written", node: "2" };
const SHUT_IN = {
  ...ALWAYS,
  secret: "hidden",
  repository: "hidden",
  other: "hidden",
  packs: "hidden",
  processes: "own",
  machine: "refused",
  env: "refused",
  tmp: "written",
  "code-at-app": "yes",
};

function check(report: SandboxReport, user: number): void {
  const { capabilities, ...seen } = report.seen;
  assert.equal(seen, { ...SHUT_IN, uid: String(user) });
  if (user === USER) assert.is(capabilities, "none");
  assert.equal([report.planted, report.escaped], [[], 0]);
  assert.equal(report.slug, ["Procfile", "made"]);
  // The first process gives it to the app's user.
  assert.equal([report.owner, report.cacheOwner], [user === USER ? 0 : user, user]);
}

describe("build sandbox", (test) => {
  test.needing(NO_SANDBOX, "a buildpack reaches its build, its cache and the network, and nothing else", async (t) => {
    check(await examineBuild(await t.tempDir(), ["users"]), process.getuid?.() ?? 0);
  });

  test.needing(NO_USERS, "of a platform that runs as root, it runs as the app's user", async (t) => {
    check(await examineBuild(await t.tempDir(), []), USER);
  });

  test.needing(NO_SANDBOX ?? NO_NOBODY, "it is the same for a platform of somebody without rights", async (t) => {
    const directory = await t.tempDir();
    await chown(directory, NOBODY, NOBODY);
    const user = [`--reuid=${String(NOBODY)}`, `--regid=${String(NOBODY)}`, "--clear-groups"];
    const words = [...user, process.execPath, LAB, directory];
    const { stdout } = await promisify(execFile)("/usr/bin/setpriv", words, { env: { PATH } });
    check(JSON.parse(stdout) as SandboxReport, NOBODY);
  });

  test("without a sandbox it reaches what the platform reaches, and what it leaves is ended all the same", async (t) => {
    const { seen, planted, escaped, cacheOwner } = await examineBuild(await t.tempDir(), ["sandbox"]);
    assert.equal([seen["secret"], planted.includes("ROOT/planted"), escaped], ["seen", true, 0]);
    assert.is(cacheOwner, process.getuid?.());
  });
});
