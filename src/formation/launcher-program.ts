/** The program of the launcher (launcher.ts), in Perl. It reads requests from its standard input: eight digits that say how
 *  many bytes follow, then fields that each end in NUL: directory of the run, file for what bubblewrap tells (empty: none),
 *  control groups to join (one a line), whether the overlay needs a user namespace (empty: no), options of the overlay
 *  (empty: none), socket that becomes its input (empty: none), number of variables, the variables, the command line.
 *  It answers, in order, `began PID` or `failed ERRNO`, and `ended PID STATUS` (as wait(2) has it) when that child is gone. At the end of its input it ends; its children go on.
 *
 *  For each request it forks a keeper. That does what the shell of shim.ts does: it writes the same files, forks the process
 *  and stays to keep its status, or becomes bubblewrap, which keeps it too. A keeper shares its memory with the launcher, but
 *  for the pages that either has written to since: so both do little, in variables that are there already, fork without the
 *  bookkeeping of Perl and the C library, of which nothing is needed here, and leave what is large, such as taking a request
 *  apart or opening a file, to the process. */
import { callNumbers, OVERLAY_SUB } from "./system-calls.ts";
import type { SystemCalls } from "./system-calls.ts";

/** A keeper that could not fork ends with this. */
export const NO_FORK = 110;

export function launcherProgram(calls: SystemCalls): string {
  return `${callNumbers(calls)}${OVERLAY_SUB}${KEEPER}${LAUNCHER}`;
}

// Signals for the launcher or a keeper alone are nothing to them; handlers, unlike what is ignored, are not inherited. Perl
// itself ignores SIGFPE.
// SIGCHLD is let through only while the launcher waits, so that none comes between its look at the children and its wait.
// A process of one thread joins a group of version 1 by its `tasks`, for which the kernel does not wait for all processors.
// bubblewrap reads the table of mounts once for each of its own, and most mounts of a machine are below /sys, of which a sandbox
// shows nothing: so that goes first, in the process's own table. Others than root may not; then it stays.
// Numbers: AF_UNIX and SOCK_STREAM are 1; MNT_DETACH is 2, O_CREAT | O_EXCL | O_WRONLY and O_CREAT | O_TRUNC | O_WRONLY; SIG_SETMASK is 2, SIG_BLOCK 0; 17 is SIGCHLD.
const KEEPER = `
our ($request, $size, $status, $keeper, $process, $file) = ("", "", 0, 0, 0, undef);
our ($no_signal, $sigchld, $input, $sys) = (pack("Q", 0), pack("Q", 1 << 16), pack("lss", 0, 1, 0), "/sys\\0");
sub begin {
  my ($directory, $told, $groups, $user, $options, $attached, $count, @words) = split(/\\0/, $request, -1);
  pop(@words);
  sysopen($file, "$directory/state/claim", 0301) or exit(111);
  my %env = map({ split(/=/, $_, 2) } splice(@words, 0, $count));
  syscall(SETSID);
  $SIG{$_} = "DEFAULT" for qw(HUP INT QUIT TERM PIPE CHLD FPE);
  syscall(RT_SIGPROCMASK, 2, $no_signal, 0, 8);
  for my $group (split(/\\n/, $groups)) {
    (open($file, ">", "$group/tasks") || open($file, ">", "$group/cgroup.procs")) && syswrite($file, "0") or exit(125);
  }
  open($file, "<", "/proc/self/stat") or exit(125);
  my $stat = <$file>;
  my $start = (split(" ", substr($stat, rindex($stat, ")") + 2)))[19];
  sysopen($file, "$directory/state/pid", 01101) && syswrite($file, "$$ $start\\n") or exit(125);
  close($file);
  open(STDIN, "<", "/dev/null");
  open(STDOUT, ">>", "$directory/out") && open(STDERR, ">&STDOUT") or exit(125);
  if ($told ne "") {
    $^F = 3;
    open($file, ">", $told) && fileno($file) == 3 or fail($told);
  }
  chdir($directory) or fail($directory);
  if ($attached ne "") {
    my $socket;
    socket($socket, 1, 1, 0) && connect($socket, pack("SZ*", 1, $attached)) && open(STDIN, "+<&", $socket)
      or fail($attached);
  }
  if ($options ne "") {
    overlay($user ne "", $options);
    syscall(UMOUNT2, $sys, 2) if $told ne "";
  }
  chdir("app") or fail("app");
  %ENV = (%env, HOME => "$directory/app");
  exec({ $words[0] } @words) or fail($words[0]);
}
sub keep {
  $size = substr($request, 0, index($request, "\\0"));
  chdir($size);
  if (substr($request, length($size) + 1, 1) ne "\\0") { begin() }
  $process = syscall(CLONE, 17, 0, 0, 0, 0);
  exit(${String(NO_FORK)}) if $process < 0;
  if (!$process) { begin() }
  until (waitpid($process, 0) == $process) {}
  exit(111) if !-e "state/pid";
  sysopen($file, "state/exit", 01101);
  syswrite($file, ($? & 127 ? 128 + ($? & 127) : $? >> 8) . "\\n");
  exit(0);
}
`;

const LAUNCHER = `
$SIG{$_} = sub {} for qw(HUP INT QUIT TERM CHLD);
$SIG{PIPE} = "IGNORE";
syscall(RT_SIGPROCMASK, 0, $sigchld, 0, 8);
for (;;) {
  $status = syscall(PPOLL, $input, 1, 0, $no_signal, 8);
  while (($keeper = waitpid(-1, 1)) > 0) { syswrite(STDOUT, "ended $keeper $?\\n") }
  next if $status <= 0;
  for ($size = $request = ""; length($size) < 8 || length($request) < $size; ) {
    $status = length($size) < 8
      ? sysread(STDIN, $size, 8 - length($size), length($size))
      : sysread(STDIN, $request, $size - length($request), length($request));
    exit(0) if defined($status) && $status == 0;
  }
  $keeper = syscall(CLONE, 17, 0, 0, 0, 0);
  if (!$keeper) { keep() }
  syswrite(STDOUT, $keeper > 0 ? "began $keeper\\n" : "failed " . ($! + 0) . "\\n");
}
`;
