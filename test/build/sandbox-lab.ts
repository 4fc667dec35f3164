/** A build by a buildpack that looks around, reaches out and leaves a process behind, and what came of that. As a program it
 *  does so for another user: arguments are a directory and what the machine is taken to lack, the report is JSON. */
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { chown, lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { appUser } from "../../src/core/app-user.ts";
import { BuildSandbox } from "../../src/formation/build-sandbox.ts";
import { probeIsolation, type ProbeOptions } from "../../src/formation/probe-isolation.ts";
import { escapees } from "../formation/isolation-lab.ts";
import { BuildLab, CLOCK } from "./build-lab.ts";

type Without = NonNullable<ProbeOptions["without"]>;

export const USER = appUser("b2c4d6e8-0000-4000-8000-000000000000");

export interface SandboxReport {
  /** What the buildpack found, by question. */
  seen: Record<string, string>;
  /** What it left outside of what is its own. */
  planted: string[];
  /** Its processes that outlived the build. */
  escaped: number;
  /** In the slug: names, and whose it is. */
  slug: string[];
  owner: number;
  /** Whose the cache is. */
  cacheOwner: number;
}

const COMPILE = `#!/bin/sh
see() { cat "$2" >/dev/null 2>&1 && echo "$1=seen" || echo "$1=hidden"; }
plant() { echo x 2>/dev/null >"$2" && echo "$1=written" || echo "$1=refused"; }
see secret "ROOT/secret"
see repository "ROOT/foobaz.git/HEAD"
see other "ROOT/apps/other/slug"
see packs "ROOT/apps/foobaz/cache/buildpacks.git/HEAD"
# A home below /tmp has nothing behind it there.
plant home "ROOT/planted" >/dev/null
plant app "ROOT/apps/foobaz/planted" >/dev/null
plant machine "/usr/planted-MARK"
plant env "$3/planted"
plant tmp "/tmp/planted-MARK"
plant code "$1/made"
set -- "$1" "$2" "$3" /proc/[0-9]*; [ $# -lt 13 ] && echo processes=own || echo processes=all
[ "$(cat "$3/TOKEN")" = abc ] && echo token=read
[ "$(cat /app/Procfile)" = "web: ./serve" ] && echo code-at-app=yes
cat "$2/kept" && echo more >>"$2/kept" && echo cache=kept
[ -d "$HOME" ] && [ -w "$HOME" ] && [ -w "$TMPDIR" ] && echo scratch=writable
node -p '"node=" + (1 + 1)'
echo uid=$(id -u)
grep -q '^Cap...:.*[1-9a-f]' /proc/self/status && echo capabilities=some || echo capabilities=none
setsid sh -c 'sleep MARK & exec sleep MARK' &
`;

export async function examineBuild(root: string, without: Without): Promise<SandboxReport> {
  const lab = await BuildLab.open(root);
  const mark = `86400.${String(randomInt(1e8, 1e9))}`;
  await mkdir(join(root, "apps/other"), { recursive: true });
  for (const name of ["secret", "apps/other/slug"]) await writeFile(join(root, name), "hunter2\n");
  const compile = COMPILE.replaceAll("ROOT", root).replaceAll("MARK", mark);
  await mkdir(join(root, "pack/bin"), { recursive: true });
  for (const [name, text] of Object.entries({ detect: "#!/bin/sh\necho Test\n", compile })) {
    await writeFile(join(root, "pack/bin", name), text, { mode: 0o755 });
  }
  // As a build without a sandbox left it.
  await mkdir(join(lab.appDir, "cache/build"), { recursive: true });
  await writeFile(join(lab.appDir, "cache/build/kept"), "before\n");
  // As one of the app's user left it.
  if (process.getuid?.() === 0 && without.length > 0) await chown(join(lab.appDir, "cache/build"), USER, USER);
  const appsDirectory = join(root, "apps");
  const isolation = await probeIsolation({ clock: CLOCK, appsDirectory, platformHome: root, without });
  const options = {
    buildpacks: [{ source: join(root, "pack") }],
    config: { key: "", read: () => Promise.resolve({ TOKEN: "abc" }) },
    sandbox: BuildSandbox.of(isolation, USER, lab.appDir),
  };
  const slug = await lab.build(await lab.commit({ Procfile: "web: ./serve\n" }), options);
  const seen = Object.fromEntries(
    Array.from(lab.text.matchAll(/^([\w-]+)=(\w+)$/gm), ([, key, value]) => [key, value]),
  );
  const escaped = await escapees(mark);
  for (const pid of escaped) process.kill(pid, "SIGKILL");
  const places = [join(root, "planted"), join(lab.appDir, "planted"), `/usr/planted-${mark}`, `/tmp/planted-${mark}`];
  const names = (await readdir(slug.dir)).sort();
  const owner = (await lstat(slug.dir)).uid;
  assertReadable(await readFile(join(slug.dir, "made"), "utf8"));
  return {
    seen,
    planted: places.filter((path) => existsSync(path)).map((path) => path.replace(mark, "MARK").replace(root, "ROOT")),
    escaped: escaped.length,
    slug: names,
    owner,
    cacheOwner: (await lstat(join(lab.appDir, "cache/build"))).uid,
  };
}

function assertReadable(text: string): void {
  if (text !== "x\n") throw new Error(`made holds ${JSON.stringify(text)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , directory = "", without = "[]"] = process.argv;
  console.log(JSON.stringify(await examineBuild(directory, JSON.parse(without) as Without)));
}
