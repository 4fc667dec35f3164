/** System calls for which Node has no function, made by perl: to be a process of its own session, to mount, to wait for
 *  input and children at once, to fork without the C library. Debian has perl-base always. On a machine without it programs do the same, each of which costs
 *  a start half a millisecond or two. */
import { findProgram } from "./find-program.ts";

const CALLS = ["setsid", "unshare", "mount", "rt_sigprocmask", "ppoll", "clone", "umount2"] as const;

export interface SystemCalls {
  /** By absolute path. */
  readonly perl: string;
  readonly numbers: Readonly<Record<(typeof CALLS)[number], number>>;
}

/** Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h. */
const NUMBERS: Readonly<Record<string, SystemCalls["numbers"]>> = {
  x64: { setsid: 112, unshare: 272, mount: 165, rt_sigprocmask: 14, ppoll: 271, clone: 56, umount2: 166 },
  arm64: { setsid: 157, unshare: 97, mount: 40, rt_sigprocmask: 135, ppoll: 73, clone: 220, umount2: 39 },
};

/** Undefined where there is no perl, or nobody has looked up the numbers. */
export async function findSystemCalls(): Promise<SystemCalls | undefined> {
  const numbers = process.platform === "linux" ? NUMBERS[process.arch] : undefined;
  const perl = numbers === undefined ? undefined : await findProgram("perl");
  return numbers === undefined || perl === undefined ? undefined : { perl, numbers };
}

/** Perl: the numbers as constants. */
export function callNumbers({ numbers }: SystemCalls): string {
  return CALLS.map((name) => `sub ${name.toUpperCase()} () { ${String(numbers[name])} }`).join("\n");
}

/** Perl: `overlay(USER, OPTIONS)` puts the process in a mount namespace of its own, in which `app` is an overlay with these
 *  options. With USER it takes a user namespace for it, in which it is root. The constants are CLONE_NEWUSER, CLONE_NEWNS,
 *  MS_REC and MS_PRIVATE. */
export const OVERLAY_SUB = `
sub fail { print STDERR "$_[0]: $!\\n"; exit 125 }
sub overlay {
  my ($user, $options) = @_;
  my ($uid, $gid, $file) = ($>, $) + 0);
  syscall(UNSHARE, $user ? 0x10020000 : 0x20000) == 0 or fail("unshare");
  for my $map ($user ? (["setgroups", "deny"], ["uid_map", "0 $uid 1"], ["gid_map", "0 $gid 1"]) : ()) {
    open($file, ">", "/proc/self/$map->[0]") && syswrite($file, $map->[1]) or fail($map->[0]);
  }
  my ($type, $place, $root, $none) = ("overlay\\0", "app\\0", "/\\0", "none\\0");
  syscall(MOUNT, $none, $root, 0, 0x44000, 0) == 0 or fail("private mounts");
  syscall(MOUNT, $type, $place, $type, 0, "$options\\0") == 0 or fail("overlay");
}
`;
