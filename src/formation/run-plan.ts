/** How one run is made on this machine: what has to lie in its directory, the control groups it gets, and the command line
 *  around its command. From the inside out: shell, sandbox, overlay, session. */
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { viewOf } from "./app-directory.ts";
import { cgroupPaths, planCgroup } from "./cgroup.ts";
import type { Confinement, Isolation, OverlayPrograms } from "./isolation.ts";
import type { LaunchRequest } from "./launcher.ts";
import type { Bonds } from "./process-tree.ts";
import type { StartSpec } from "./runtime.ts";
import { sandboxUser, type Sandbox } from "./sandbox.ts";
import type { ShimPrograms } from "./shim.ts";
import { callNumbers, OVERLAY_SUB } from "./system-calls.ts";

/** What the process gets for a directory: one made file by file, a mount of its own, or the slug itself. */
export type View = "files" | "overlay" | "slug";

export interface RunPlan {
  readonly isRoot: boolean;
  readonly directory: string;
  readonly spec: StartSpec;
  readonly view: View;
  readonly bonds: Bonds;
  readonly sandbox: Sandbox | undefined;
  readonly overlay: OverlayPrograms | undefined;
  /** Whose the process and its files are; undefined: whoever runs the platform. */
  readonly user: number | undefined;
}

/** Directories of a run beside an overlay `app`: what the process wrote, and what the kernel needs for that. */
export const CHANGES = "changes";
export const SCRATCH = "scratch";
export const OVERLAY_DIRECTORIES = [CHANGES, SCRATCH] as const;

/** Where the daemon waits for the relay of a process that somebody is attached to. */
export const RELAY_SOCKET = "attach";

const USUAL: Confinement = { sandbox: true, readOnly: false };

function userOf({ users }: Isolation, { user }: Confinement): number | undefined {
  return users ? user : undefined;
}

export function planRun(isolation: Isolation, spec: StartSpec, directory: string): RunPlan {
  const { confinement = USUAL } = spec;
  const { isRoot } = isolation;
  const sandbox = confinement.sandbox ? isolation.sandbox : undefined;
  const user = sandbox === undefined ? undefined : userOf(isolation, confinement);
  const base = { isRoot, directory, spec, sandbox, user, bonds: bondsOf(isolation, spec, sandbox) };
  if (confinement.readOnly && sandbox !== undefined) return { ...base, view: "slug", overlay: undefined };
  // Others than root can mount only in a user namespace, in which they would be root without a sandbox.
  const mayMount = isRoot || sandbox !== undefined;
  const overlay = mayMount && isPlain(relative(directory, spec.appDir)) ? isolation.overlay : undefined;
  return { ...base, view: overlay === undefined ? "files" : "overlay", overlay };
}

/** A sandbox's pid namespace holds everything together by itself. To join a control group may cost a process some 20 ms (the
 *  kernel waits for all processors), so there it gets one only for what nothing else can do: to count its processes or its memory. */
function bondsOf({ cgroups }: Isolation, spec: StartSpec, sandbox: Sandbox | undefined): Bonds {
  const sandboxed = sandbox === undefined ? {} : { sandboxed: true };
  const { app, type, slot, release, id, limits = {} } = spec;
  const isCounted = limits.processes !== undefined || limits.memoryBytes !== undefined;
  if (cgroups === undefined || (sandbox !== undefined && !isCounted)) return sandboxed;
  const name = `git-heroku.${app}.${type}.${String(slot)}.${String(release)}.${id.slice(0, 8)}`;
  return { cgroup: planCgroup(cgroups, name, limits), ...sandboxed };
}

/** These mean something in the options of a mount. */
function isPlain(path: string): boolean {
  return !/[,:\\"']/.test(path);
}

/** The arguments of the shim. */
export async function shimWords(plan: RunPlan, programs: ShimPrograms): Promise<string[]> {
  const { directory, spec, bonds, overlay } = plan;
  return [
    directory,
    String(spec.limits?.openFiles ?? ""),
    processLimit(plan).outside,
    bonds.cgroup === undefined ? "" : cgroupPaths(bonds.cgroup).join("\n"),
    bonds.sandboxed === true ? sandboxFile(directory) : "",
    // The shim of a sandbox has a session of its own already, and becomes the process.
    ...(bonds.sandboxed === true ? [] : programs.session),
    ...(overlay === undefined ? [] : overlayWords(overlay, overlayOptions(plan))),
    ...(await innerWords(plan, { shell: programs.shell })),
  ];
}

export interface CommandParts {
  readonly shell: string;
  /** Of a process that somebody is attached to. */
  readonly relay?: readonly string[] | undefined;
}

/** What the shim and the launcher begin alike. */
async function innerWords(plan: RunPlan, { shell, relay = [] }: CommandParts): Promise<string[]> {
  const { appDir, command } = plan.spec;
  const { inside } = processLimit(plan);
  return [...(await sandboxWords(plan)), ...inside, ...relay, ...profileWords(appDir, shell), shell, "-c", command];
}

const PROFILES = [".profile.d", ".profile"];
/** What they export is the command's; the shell becomes the command, so that no process more is there. */
const READ_PROFILES =
  'for profile in .profile.d/*.sh .profile; do if [ -r "$profile" ]; then . "./$profile"; fi; done; unset profile; exec "$0" "$@"';

/** Buildpacks leave scripts that make the environment of each process (Heroku: "The .profile file"). */
function profileWords(appDir: string, shell: string): string[] {
  return PROFILES.some((name) => existsSync(join(appDir, name))) ? [shell, "-c", READ_PROFILES] : [];
}

const LIMIT_OUTSIDE =
  'if [ "$0" ]; then ulimit -n "$0"; fi; if [ "$1" ]; then ulimit -u "$1" 2>/dev/null || ulimit -p "$1"; fi; shift; exec "$@"';

/** The same for the launcher, which does itself what needs no program. */
export async function launchRequest(plan: RunPlan, env: StartSpec["env"], parts: CommandParts): Promise<LaunchRequest> {
  const { isRoot, directory, spec, bonds, overlay } = plan;
  const { outside } = processLimit(plan);
  const openFiles = String(spec.limits?.openFiles ?? "");
  const limits = openFiles === "" && outside === "" ? [] : ["/bin/sh", "-c", LIMIT_OUTSIDE, openFiles, outside];
  return {
    directory,
    sandboxFile: bonds.sandboxed === true ? sandboxFile(directory) : undefined,
    groups: bonds.cgroup === undefined ? [] : cgroupPaths(bonds.cgroup),
    overlay: overlay === undefined ? undefined : { isUser: !isRoot, options: mountOptions(overlayOptions(plan)) },
    socket: parts.relay === undefined ? undefined : RELAY_SOCKET,
    env,
    words: [...limits, ...(await innerWords(plan, parts))],
  };
}

function sandboxFile(directory: string): string {
  return `${directory}/state/sandbox`;
}

const LIMIT_PROCESSES = 'ulimit -u "$0" 2>/dev/null || ulimit -p "$0"; exec "$@"';

/** Where no control group counts processes, the kernel does it for each user in each user namespace. So inside of a sandbox
 *  the user's other processes do not matter. */
function processLimit({ isRoot, spec, bonds }: RunPlan): { outside: string; inside: string[] } {
  const processes = spec.limits?.processes;
  if (processes === undefined || bonds.cgroup?.pids !== undefined) return { outside: "", inside: [] };
  if (isRoot || bonds.sandboxed !== true) return { outside: String(processes), inside: [] };
  return { outside: "", inside: ["/bin/sh", "-c", LIMIT_PROCESSES, String(processes)] };
}

export interface OverlayOptions {
  readonly isRoot: boolean;
  /** The built code, then its layers, from the directory of the run: then nothing in the name of a home can break the options of the mount. */
  readonly slug: readonly string[];
  readonly readOnly: boolean;
}

function overlayOptions({ isRoot, directory, spec }: RunPlan): OverlayOptions {
  return {
    isRoot,
    slug: viewOf(spec.appDir).directories.map((one) => relative(directory, one)),
    readOnly: spec.confinement?.readOnly === true,
  };
}

/** With two layers below and none above, nothing can be written. */
function mountOptions({ isRoot, slug, readOnly }: OverlayOptions): string {
  const below = slug.join(":");
  const layers = readOnly ? `lowerdir=${below}:app` : `lowerdir=${below},upperdir=${CHANGES},workdir=${SCRATCH}`;
  return isRoot ? layers : `userxattr,${layers}`;
}

const MOUNT_OVERLAY = '"$0" -t overlay -o "$1" overlay app && shift && cd app && exec "$@"';
/** As the launcher does it. */
const CALL_OVERLAY = `${OVERLAY_SUB}
overlay(splice(@ARGV, 0, 2));
chdir("app") && exec({ $ARGV[0] } @ARGV) or fail($ARGV[0]);
`;

/** Runs what follows in a mount namespace in which `app` is an overlay, and from there. */
export function overlayWords(programs: OverlayPrograms, overlay: OverlayOptions): string[] {
  const { isRoot } = overlay;
  const options = mountOptions(overlay);
  if ("perl" in programs) {
    return [programs.perl, "-e", `${callNumbers(programs)}${CALL_OVERLAY}`, isRoot ? "" : "user", options];
  }
  const namespaces = isRoot ? ["-m"] : ["-U", "-r", "-m"];
  return [programs.unshare, ...namespaces, "/bin/sh", "-c", MOUNT_OVERLAY, programs.mount, options];
}

async function sandboxWords({ sandbox, view, spec, directory, user }: RunPlan): Promise<string[]> {
  if (sandbox === undefined) return [];
  return sandbox.words({
    directory,
    path: spec.env["PATH"] ?? "",
    ignoresModes: view === "overlay",
    readOnlySlug: view === "slug" ? viewOf(spec.appDir).directories : undefined,
    // Its directory is in `run` of the app's.
    user: user === undefined ? undefined : sandboxUser(user, dirname(dirname(directory))),
  });
}
