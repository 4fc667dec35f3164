/** What this machine can do to keep processes apart, for tests that need it. */
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeIsolation } from "../../src/formation/probe-isolation.ts";
import { realClock } from "./support.ts";

// As the daemon has it: what is made for an app's user is nobody else's.
process.umask(0o077);

export const NOBODY = 65_534;
export const IS_ROOT = process.getuid?.() === 0;

/** What this machine can do at all. */
export const HERE = await (async () => {
  const directory = await mkdtemp(join(tmpdir(), "ght-"));
  const isolation = await probeIsolation({ clock: realClock, appsDirectory: directory, platformHome: directory });
  await rm(directory, { recursive: true });
  return isolation;
})();
export const NO_SANDBOX = HERE.sandbox === undefined ? (HERE.missing.sandbox?.reason ?? "a sandbox") : undefined;
export const NO_OVERLAY = HERE.overlay === undefined ? (HERE.missing.overlay?.reason ?? "an overlay") : undefined;
export const NO_USERS = HERE.users ? undefined : (HERE.missing.users?.reason ?? "users of their own");
export const NO_CGROUPS = HERE.cgroups === undefined ? "control groups that may be written to" : undefined;
export const NO_NOBODY = IS_ROOT ? await missingProgram("/usr/bin/setpriv") : "root, to become somebody else";

async function missingProgram(path: string): Promise<string | undefined> {
  return access(path).then(
    () => undefined,
    () => path,
  );
}
