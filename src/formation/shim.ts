/** The small shell that stands between the daemon and a process, so that the process outlives the daemon and its exit
 *  status is never lost (docs/decisions/030-process-shim.md). It runs in a session of its own; the process in another,
 *  or in this one when it is in a sandbox.
 *
 *  Arguments: directory of the run, the most open files, the most processes (empty: no limit), the control groups to join
 *  (one a line), the file for what bubblewrap tells (empty: none), then the command line. Files it writes in `state`, each in one write:
 *  `claim` (this run has begun; only one can), `pid` ("PID STARTTIME\n"), `exit` ("STATUS\n"); bubblewrap writes `sandbox`,
 *  the status too.
 *  It uses no program but these, so the PATH of the app does not matter, and no variable that the app could see. */
import { AppError } from "../core/error.ts";
import { findProgram } from "./find-program.ts";

// The process runs in the foreground of the shell: a background one would ignore SIGINT and SIGQUIT for ever (POSIX).
// Handlers, unlike ignored signals, are not inherited. The shell's own output goes nowhere, as it says "Killed" and such.
// The shell itself stays outside of the control groups, as it must outlive what is in them. bubblewrap stays as well and
// keeps the status, so the shell becomes it: two of them would be one too many in each process's memory.
export const SHIM = `
set -C
: >"$1/state/claim" || exit 111
set +C
stamp() { printf '%s %s\\n' "$1" "\${21}" >"$ght_run/state/pid"; }
begin() {
  trap - HUP INT QUIT TERM
  ght_run=$1
  IFS='
'
  for ght_group in $4; do
    ght_file=$ght_group/tasks
    [ -e "$ght_file" ] || ght_file=$ght_group/cgroup.procs
    echo 0 >"$ght_file" || exit 125
  done
  unset IFS ght_group ght_file
  if read -r ght_stat </proc/self/stat; then
    stamp "\${ght_stat%% *}" \${ght_stat##*) }
  else
    ght_pid=$(exec /bin/sh -c 'echo $PPID')
    printf '%s %s\\n' "$ght_pid" "$(LC_ALL=C TZ=UTC /bin/ps -o lstart= -p "$ght_pid")" >"$ght_run/state/pid"
  fi
  unset ght_run ght_stat ght_pid
  HOME=$1/app
  export HOME
  exec >>"$1/out" 2>&1
  if [ "$2" ]; then ulimit -n "$2"; fi
  if [ "$3" ]; then ulimit -u "$3" 2>/dev/null || ulimit -p "$3"; fi
  if [ "$5" ]; then exec 3>"$5"; fi
  shift 5
  exec "$@"
}
if [ "$5" ]; then begin "$@"; fi
trap : HUP INT QUIT TERM
(begin "$@")
printf '%s\\n' "$?" >"$1/state/exit"
`;

/** The programs of this machine that the shim needs, by absolute path. */
export interface ShimPrograms {
  /** Makes a session and runs what follows in it: setsid (util-linux, busybox) or perl. */
  readonly session: readonly string[];
  /** Runs the commands of a Procfile. */
  readonly shell: string;
}

const PERL_SETSID = "use POSIX (); POSIX::setsid(); exec { $ARGV[0] } @ARGV";

/** @throws AppError unavailable on a machine with neither setsid nor perl. */
export async function findShimPrograms(): Promise<ShimPrograms> {
  const setsid = await findProgram("setsid");
  const perl = await findProgram("perl");
  if (setsid === undefined && perl === undefined) {
    throw new AppError("unavailable", "Processes cannot be started: this machine has neither setsid nor perl.", {
      hint: "Install util-linux or perl.",
    });
  }
  const session = setsid === undefined ? [perl ?? "", "-e", PERL_SETSID] : [setsid];
  return { session, shell: (await findProgram("bash")) ?? "/bin/sh" };
}
