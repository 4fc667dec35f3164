/** What this machine can do to keep processes apart, found out by trial (probe-isolation.ts). What is absent cannot be done;
 *  everything is then done in the best way that is left (docs/isolation.md). */
import type { CgroupSite } from "./cgroup.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SystemCalls } from "./system-calls.ts";

/** How a process is shut in; without it as tightly as the machine can, with a directory that may be written to. */
export interface Confinement {
  /** False: the process sees the machine as the platform does. */
  readonly sandbox: boolean;
  /** The slug itself is its directory and cannot be written to. */
  readonly readOnly: boolean;
  /** The user and group it is to run as, where the platform runs as root and the machine can. */
  readonly user?: number;
}

/** What gives a process an overlay of its slug: perl, else two programs by absolute path. */
export type OverlayPrograms = SystemCalls | { readonly unshare: string; readonly mount: string };

export interface Isolation {
  readonly isRoot: boolean;
  readonly sandbox: Sandbox | undefined;
  readonly overlay: OverlayPrograms | undefined;
  readonly cgroups: CgroupSite | undefined;
  /** In a sandbox, processes of root's platform can be another user's. */
  readonly users: boolean;
  /** Copies share their blocks with the original (btrfs, xfs). */
  readonly clones: boolean;
  /** Why something cannot be done, and what would help. */
  readonly missing: {
    readonly sandbox: Lack | undefined;
    readonly overlay: Lack | undefined;
    readonly users: Lack | undefined;
  };
}

export interface Lack {
  /** The end of a sentence, such as `bubblewrap is not installed`. */
  readonly reason: string;
  readonly hint: string;
}

/** Whether slugs may have files in common: nobody can then write to a slug but on purpose. A process gets an overlay, a copy, or
 *  the slug read-only; only others than root get links to its files where there is nothing better (run-plan.ts). */
export function mayShareSlugs(isolation: Isolation, confinement: Pick<Confinement, "sandbox">): boolean {
  const { isRoot, clones, sandbox, overlay } = isolation;
  return isRoot || clones || (overlay !== undefined && sandbox !== undefined && confinement.sandbox);
}

/** Nothing but what every machine has. */
export const NO_ISOLATION: Isolation = {
  isRoot: process.getuid?.() === 0,
  sandbox: undefined,
  overlay: undefined,
  cgroups: undefined,
  users: false,
  clones: false,
  missing: { sandbox: undefined, overlay: undefined, users: undefined },
};
