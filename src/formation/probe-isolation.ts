/** Finds out what this machine can do, by doing it: a kernel, a container or a security module may refuse what the programs
 *  are there for. Takes some tens of milliseconds, once in the life of a daemon. */
import { execFile } from "node:child_process";
import { chown, constants, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { appUser } from "../core/app-user.ts";
import type { Clock } from "../core/clock.ts";
import { heldCapabilities, type Capability } from "./capabilities.ts";
import { NO_ISOLATION } from "./isolation.ts";
import { findProgram } from "./find-program.ts";
import type { Isolation, Lack, OverlayPrograms } from "./isolation.ts";
import { findCgroupSite } from "./probe-cgroups.ts";
import { processTable } from "./process-table.ts";
import { sandboxInit } from "./process-tree.ts";
import { OVERLAY_DIRECTORIES, overlayWords } from "./run-plan.ts";
import { Sandbox } from "./sandbox.ts";
import { findSystemCalls } from "./system-calls.ts";

export interface ProbeOptions {
  readonly clock: Clock;
  /** The directory that holds `<app>/run` and the slugs: an overlay depends on its file system. */
  readonly appsDirectory: string;
  /** Processes must not see it. */
  readonly platformHome: string;
  /** What is taken for impossible without a trial. */
  readonly without?: readonly ("sandbox" | "overlay" | "cgroups" | "users")[];
}

const TRIAL_PREFIX = ".trial-";
const TRIAL_MS = 30_000;
const TRIAL_USER = appUser("0");
const RESTART = "then: git heroku server:restart";

interface Trial {
  readonly directory: string;
  readonly isRoot: boolean;
}

export async function probeIsolation(options: ProbeOptions): Promise<Isolation> {
  if (process.platform !== "linux")
    return { ...NO_ISOLATION, missing: { sandbox: NOT_LINUX, overlay: NOT_LINUX, users: NOT_LINUX } };
  await mkdir(options.appsDirectory, { recursive: true, mode: 0o700 });
  await removeOldTrials(options.appsDirectory);
  const directory = await mkdtemp(join(options.appsDirectory, TRIAL_PREFIX));
  try {
    await layOutTrial(directory);
    return await tryAll({ directory, isRoot: process.getuid?.() === 0 }, options);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function tryAll(trial: Trial, options: ProbeOptions): Promise<Isolation> {
  const without = new Set(options.without);
  const cgroups = without.has("cgroups") ? undefined : findCgroupSite(options.clock);
  const clones = canClone(trial.directory);
  const sandbox = without.has("sandbox") ? LEFT_OUT : await trySandbox(trial, options);
  const box = sandbox instanceof Sandbox ? sandbox : undefined;
  const overlay = without.has("overlay") ? LEFT_OUT : await tryOverlay(trial, box, options.clock);
  const programs = "reason" in overlay ? undefined : overlay;
  const users = without.has("users") ? LEFT_OUT : await tryUsers(trial, box, options.clock);
  return {
    isRoot: trial.isRoot,
    sandbox: box,
    overlay: programs,
    cgroups: await cgroups,
    users: users === undefined,
    clones: await clones,
    missing: {
      sandbox: sandbox instanceof Sandbox ? undefined : sandbox,
      overlay: "reason" in overlay ? overlay : undefined,
      users,
    },
  };
}

const NOT_LINUX: Lack = { reason: "this is not Linux", hint: "Nothing helps on this system." };
const LEFT_OUT: Lack = { reason: "it was left out", hint: "" };

/** A daemon may have been killed in the midst of one. */
async function removeOldTrials(appsDirectory: string): Promise<void> {
  for (const name of await readdir(appsDirectory)) {
    if (name.startsWith(TRIAL_PREFIX)) await rm(join(appsDirectory, name), { recursive: true, force: true });
  }
}

/** As the directory of a run, with a slug in it. */
async function layOutTrial(directory: string): Promise<void> {
  const names = ["slug", "app", ...OVERLAY_DIRECTORIES, "tmp", "state"];
  await Promise.all(names.map((name) => mkdir(join(directory, name))));
  await writeFile(join(directory, "slug", "file"), "as built\n", { mode: 0o444 });
}

async function canClone(directory: string): Promise<boolean> {
  const [from, to] = [join(directory, "slug", "file"), join(directory, "clone")];
  return copyFile(from, to, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
}

async function trySandbox({ directory, isRoot }: Trial, options: ProbeOptions): Promise<Sandbox | Lack> {
  const program = await findProgram("bwrap");
  if (program === undefined) return { reason: "bubblewrap is not installed", hint: `Install bubblewrap, ${RESTART}` };
  const sandbox = await makeSandbox(program, isRoot, options);
  const words = await sandbox.words({ ...TRIAL_RUN, directory });
  const { status, said } = await attempt([...words, "/bin/sh", "-c", POWERLESS], directory);
  const init = sandboxInit(join(directory, "state", "sandbox"));
  if (init !== undefined) await gone(init.pid, options.clock);
  if (status === 7 && init !== undefined) return sandbox;
  const why = status === POWERFUL ? "it leaves root the power over the machine" : said || "it is too old";
  return { reason: `bubblewrap does not work here: ${why}`, hint: await namespaceHint(isRoot) };
}

async function makeSandbox(program: string, isRoot: boolean, { platformHome }: ProbeOptions): Promise<Sandbox> {
  return new Sandbox({
    program,
    isRoot,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    held: await heldCapabilities(),
    platformHome,
    userHome: homedir(),
    nodeDirectory: dirname(process.execPath),
    setpriv: await findProgram("setpriv"),
  });
}

/** bubblewrap says nothing when the kernel does not let it take capabilities away. The twenty-second is CAP_SYS_ADMIN. */
const POWERFUL = 8;
const POWERLESS = `while read -r name value; do
  if [ "$name" = CapEff: ] && [ $((0x$value >> 21 & 1)) = 1 ]; then exit ${String(POWERFUL)}; fi
done </proc/self/status
exit 7`;

const TRIAL_RUN = { path: "", ignoresModes: false, readOnlySlug: undefined, user: undefined };

/** As a user without an account, who has to be able to write where a process may.
 *  @returns why it cannot be done. */
async function tryUsers(trial: Trial, sandbox: Sandbox | undefined, clock: Clock): Promise<Lack | undefined> {
  const { directory, isRoot } = trial;
  if (!isRoot) return { reason: "the platform does not run as root", hint: "" };
  if (sandbox === undefined) return { reason: "it needs the sandbox", hint: "See sandbox." };
  const lacking = await missingPower();
  if (lacking !== undefined) return lacking;
  try {
    for (const name of ["app", "tmp"]) await chown(join(directory, name), TRIAL_USER, TRIAL_USER);
  } catch {
    return { reason: "this container has no user ids for apps", hint: `Give it the whole range of ids, ${RESTART}` };
  }
  const user = { id: TRIAL_USER, etc: join(directory, "etc") };
  const words = await sandbox.words({ ...TRIAL_RUN, directory, user });
  const look = '[ "$(id -u)" = "$0" ] && [ "$(id -un)" = app ] && [ -w . ] && [ -w /tmp ] && [ -w /dev/shm ] && exit 7';
  const { status, said } = await attempt([...words, "/bin/sh", "-c", look, String(TRIAL_USER)], directory);
  const init = sandboxInit(join(directory, "state", "sandbox"));
  if (init !== undefined) await gone(init.pid, clock);
  if (status === 7) return undefined;
  const reason = `a user without an account cannot be become: ${said || "setpriv or bubblewrap is too old"}`;
  return { reason, hint: `Install util-linux and bubblewrap 0.7 or newer, ${RESTART}` };
}

/** What a daemon does with processes of others: it sends signals, and asks /proc what is theirs. */
const OVER_OTHERS: readonly Capability[] = ["KILL", "SYS_PTRACE"];

async function missingPower(): Promise<Lack | undefined> {
  const held = await heldCapabilities();
  const lacking = OVER_OTHERS.find((one) => !held.has(one));
  if (lacking === undefined) return undefined;
  return { reason: `root of this container lacks CAP_${lacking}`, hint: `Give it to the container, ${RESTART}` };
}

/** bubblewrap's own first process ends moments after what it ran. */
async function gone(pid: number, clock: Clock): Promise<void> {
  const deadline = clock.now() + TRIAL_MS;
  while ((await processTable.startTime(pid)) !== undefined && clock.now() < deadline) await clock.sleep(2);
}

/** The usual reasons for which somebody who is not root gets no namespaces. */
async function namespaceHint(isRoot: boolean): Promise<string> {
  if (isRoot) return `Give the container the right to make namespaces (CAP_SYS_ADMIN), ${RESTART}`;
  const switches: [string, string, string][] = [
    ["kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"],
    ["user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"],
    ["kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"],
  ];
  for (const [file, off, command] of switches) {
    const value = await readFile(`/proc/sys/${file}`, "utf8").catch(() => "");
    if (value.trim() === off) return `As root: ${command}, ${RESTART}`;
  }
  return `Allow users of this machine to make user namespaces, ${RESTART}`;
}

async function tryOverlay(trial: Trial, sandbox: Sandbox | undefined, clock: Clock): Promise<OverlayPrograms | Lack> {
  const { directory, isRoot } = trial;
  const programs = (await findSystemCalls()) ?? (await findMountPrograms());
  if (programs === undefined) {
    return { reason: "unshare and mount are not installed", hint: `Install util-linux, ${RESTART}` };
  }
  // Without a sandbox, somebody else than root would become root in the namespace that the mount needs.
  if (!isRoot && sandbox === undefined) return { reason: "it needs the sandbox", hint: "See sandbox." };
  const inner = sandbox === undefined ? [] : await sandbox.words({ ...TRIAL_RUN, directory, ignoresModes: true });
  const write = 'echo changed >>"$0/file" && grep -q "as built" "$0/file" && exit 7';
  const words = [...overlayWords(programs, { isRoot, slug: ["slug"], readOnly: false }), ...inner];
  const { status, said } = await attempt([...words, "/bin/sh", "-c", write, join(directory, "app")], directory);
  const init = sandbox === undefined ? undefined : sandboxInit(join(directory, "state", "sandbox"));
  if (init !== undefined) await gone(init.pid, clock);
  const slug = await readFile(join(directory, "slug", "file"), "utf8");
  if (status === 7 && slug === "as built\n") return programs;
  return { reason: `an overlay cannot be mounted: ${said}`, hint: "Linux 5.11 or newer lets users mount one." };
}

async function findMountPrograms(): Promise<OverlayPrograms | undefined> {
  const [unshare, mount] = await Promise.all([findProgram("unshare"), findProgram("mount")]);
  return unshare === undefined || mount === undefined ? undefined : { unshare, mount };
}

/** Runs it with file descriptor 3 open, as the shim does. */
function attempt(words: readonly string[], directory: string): Promise<{ status: number; said: string }> {
  const open = 'exec 3>state/sandbox; exec "$@"';
  return new Promise((settle) => {
    const settings = { cwd: directory, env: { LC_ALL: "C" }, timeout: TRIAL_MS, killSignal: "SIGKILL" as const };
    execFile("/bin/sh", ["-c", open, "trial", ...words], settings, (error, _stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      settle({ status, said: stderr.trim().split("\n").at(-1) ?? "" });
    });
  });
}
