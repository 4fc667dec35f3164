/** The program of the relay, in Perl. It stands between a process that somebody is attached to and the daemon: the parent of
 *  the command, inside of its sandbox, with a terminal or three pipes. It speaks frames (core/run-frames.ts) on its standard
 *  input, which is a socket of the daemon's. Arguments: columns and rows of the terminal (empty: pipes), milliseconds between
 *  two SIGHUPs, milliseconds from SIGTERM to SIGKILL, then the command line. It ends as the command does.
 *
 *  Why it is made like this: docs/decisions/140-terminal-inside-the-sandbox.md. */
import type { Attach } from "./runtime.ts";
import { callNumbers } from "./system-calls.ts";
import type { SystemCalls } from "./system-calls.ts";

/** Variables that perl itself would follow come under another name, and get their own back. */
const KEPT = "GIT_HEROKU_KEPT_";
const PERLS_OWN = /^PERL/;

/** The command line in front of the command. */
export function relayWords(calls: SystemCalls, { terminal, hangUpMs, exitTimeoutMs }: Attach): string[] {
  const size = terminal === undefined ? ["", ""] : [String(terminal.columns), String(terminal.rows)];
  return [calls.perl, "-e", callNumbers(calls) + RELAY, ...size, String(hangUpMs), String(exitTimeoutMs)];
}

/** The environment as the relay must get it. */
export function relayEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [PERLS_OWN.test(name) ? KEPT + name : name, value]),
  );
}

// The relay has handlers, which exec takes away, unlike what is ignored. Signals are let through only while it waits, and to
// the command once it is as it should be: none is lost in between.
// It holds the terminal's other end open until the command has ended: one that closes it and opens it again is not taken
// for one that has ended. When the last end is closed, the kernel gives all that was written, then EIO.
// Numbers: TIOCSPTLCK, TIOCGPTN, TCGETS, TCSETS and IUTF8, TIOCSWINSZ; O_RDWR | O_NOCTTY; AF_UNIX.
const TERMINAL = `
$0 = "git-heroku-relay";
my ($columns, $rows, $hang_up_ms, $exit_ms) = splice(@ARGV, 0, 4);
for (keys(%ENV)) { $ENV{$1} = delete($ENV{$_}) if /^${KEPT}(.*)/s }
my ($no_signal, $all_signals) = (pack("Q", 0), pack("Q", ~0));
$SIG{$_} = sub {} for qw(HUP INT QUIT TERM PIPE CHLD TTOU TTIN TSTP USR1 USR2);
my $is_told = 0;
$SIG{TERM} = sub { $is_told = 1 };
syscall(RT_SIGPROCMASK, 2, $all_signals, 0, 8);
open(my $peer, "+<&=", 0) or exit(125);
my ($to_peer, $from_peer, $to_child) = ("", "", "");
my ($master, $slave, $input, @ends, %outputs);
sub tell_peer { $to_peer .= pack("a N/a*", $_[0], $_[1]) }
sub resize { ioctl($master, 0x5414, pack("S4", $_[1], $_[0], 0, 0)) if $master }
sub open_terminal {
  open($master, "+<", "/dev/ptmx") or return 0;
  my ($zero, $number, $modes) = (pack("i", 0), pack("i", 0), "\\0" x 64);
  ioctl($master, 0x40045431, $zero) && ioctl($master, 0x80045430, $number) or return 0;
  sysopen($slave, "/dev/pts/" . unpack("i", $number), 0402) or return 0;
  if (ioctl($slave, 0x5401, $modes)) {
    substr($modes, 0, 4) = pack("L", unpack("L", $modes) | 0x4000);
    ioctl($slave, 0x5402, $modes);
  }
  resize($columns, $rows);
  ($input, $outputs{1}, @ends) = ($master, $master, $slave, $slave, $slave);
  return 1;
}
if ($columns eq "" || !open_terminal()) {
  tell_peer(2, " !    No terminal can be made: $!.\\n") if $columns ne "";
  ($master, $slave) = (undef, undef);
  pipe($ends[0], $input) && pipe($outputs{1}, $ends[1]) && pipe($outputs{2}, $ends[2]) or exit(125);
}
`;

// A SIGTERM that came before the command was there is passed on to it; any later one reaches it by itself.
// Numbers: TIOCSCTTY; F_SETFL, O_RDWR | O_NONBLOCK; SIG_SETMASK is 2.
const COMMAND = `
my $child = fork();
defined($child) or exit(125);
if (!$child) {
  syscall(SETSID);
  $SIG{$_} = "DEFAULT" for qw(HUP INT QUIT TERM PIPE FPE);
  syscall(RT_SIGPROCMASK, 2, $no_signal, 0, 8);
  ioctl($slave, 0x540E, 0) if $slave;
  open(STDIN, "<&", $ends[0]) && open(STDOUT, ">&", $ends[1]) && open(STDERR, ">&", $ends[2]) or exit(125);
  exec({ $ARGV[0] } @ARGV) or print(STDERR "$ARGV[0]: $!\\n");
  exit(127);
}
@ends = ();
my $leader = $child;
my $at_once = pack("qq", 0, 0);
syscall(PPOLL, 0, 0, $at_once, $no_signal, 8);
$SIG{TERM} = sub {};
kill("TERM", $child) if $is_told;
fcntl($_, 4, 0x802) for ($peer, $input, values(%outputs));
`;

// After a lost connection the terminal is closed, so that the kernel sends the first SIGHUP; the pipes too. The daemon
// does the rest, unless the lost connection is its own.
// A command that has ended may leave others that hold its outputs for ever: these are then read until they are silent for a moment, or
// until as much has come as a pipe can hold.
const PEER = `
my ($FULL, $FRAME_MAX, $QUIET_MS, $EAGAIN, $EINTR) = (65536, 1048576, 100, 11, 4);
my ($status, $is_deaf, $is_over, $is_input_over, $left, @hang_ups) = (0, 0, 0, 0, $FULL);
# Its group is there some moments after itself.
sub send_signal { kill($_[0], -$leader) || kill($_[0], $leader) }
sub hang_up {
  return if $is_over;
  $is_over = 1;
  ($to_peer, $to_child) = ("", "");
  ($input, $master, $slave, %outputs) = ();
  @hang_ups = ([0, "HUP"], [$hang_up_ms, "HUP"], [$hang_up_ms, "HUP"]);
}
sub lose_peer {
  return if $is_deaf;
  $is_deaf = 1;
  hang_up();
  push(@hang_ups, [$hang_up_ms, "TERM"], [$exit_ms, "KILL"]);
}
sub obey {
  my ($kind, $payload) = @_;
  if ($kind eq "0") { $to_child .= $payload }
  elsif ($kind eq "e" && $master) { $to_child .= "\\4" }
  elsif ($kind eq "e") { $is_input_over = 1 }
  elsif ($kind eq "w" && $payload =~ /^(\\d{1,4}) (\\d{1,4})$/) { resize($1, $2) }
  elsif ($kind eq "s" && $payload =~ /^([A-Z0-9]{2,6})$/) { send_signal($1) if $child }
  elsif ($kind eq "h") { hang_up() }
}
sub hear {
  my $read = sysread($peer, $from_peer, $FULL, length($from_peer));
  return if !defined($read) && ($! == $EAGAIN || $! == $EINTR);
  return lose_peer() if !$read;
  while (length($from_peer) >= 5) {
    my ($kind, $length) = unpack("a N", $from_peer);
    return lose_peer() if $length > $FRAME_MAX;
    last if length($from_peer) < 5 + $length;
    my $payload = substr(substr($from_peer, 0, 5 + $length, ""), 5);
    obey($kind, $payload);
  }
}
sub collect {
  my ($number) = @_;
  my $read = sysread($outputs{$number}, my $data, $FULL / 2);
  if ($read) { tell_peer($number, $data); $left -= $read if !$child }
  elsif (defined($read) || ($! != $EAGAIN && $! != $EINTR)) { delete($outputs{$number}) }
}
sub pour {
  my ($file, $bytes) = @_;
  my $written = syswrite($file, $$bytes);
  if (defined($written)) { substr($$bytes, 0, $written) = "" }
  elsif ($! != $EAGAIN && $! != $EINTR) { return 0 }
  return 1;
}
`;

// At the end the relay reads what still comes, until the daemon has read all: who closes a socket with bytes unread, or is written
// to after it has closed it, takes from the other side what that has not read yet.
// The raw ppoll leaves in its timeout what was left of it: that is all the clock there is.
// Numbers: POLLIN 1, POLLOUT 4.
const LOOP = `
my ($left_ms, $wait) = (0, "");
sub start_waiting { $wait = pack("qq", int($_[0] / 1000), ($_[0] % 1000) * 1000000) }
for (my $is_waiting = 0;;) {
  if ($child && waitpid($child, 1) == $child) { ($status, $child, $slave, $input, $is_waiting) = ($?, 0) }
  last if !$child && (!%outputs || $left <= 0) && ($to_peer eq "" || $is_over);
  %outputs = () if !$child && $left <= 0;
  if ($input && $is_input_over && $to_child eq "") { $input = undef }
  my @polled;
  push(@polled, [fileno($peer), (length($to_child) < $FULL ? 1 : 0) | ($to_peer ne "" ? 4 : 0), sub {
    if ($_[0] & 4) { pour($peer, \\$to_peer) or return lose_peer() }
    if ($_[0] & ~4) { hear() }
  }]) if !$is_deaf;
  push(@polled, [fileno($input), 4, sub { pour($input, \\$to_child) or ($input, $to_child) = (undef, "") if $input }])
    if $input && $to_child ne "";
  for my $number (length($to_peer) < $FULL ? keys(%outputs) : ()) {
    push(@polled, [fileno($outputs{$number}), 1, sub { collect($number) if $outputs{$number} }]);
  }
  my $ms = $child ? (@hang_ups ? $hang_ups[0][0] : undef) : %outputs && length($to_peer) < $FULL ? $QUIET_MS : undef;
  start_waiting($ms) if defined($ms) && (!$is_waiting || !$child);
  $is_waiting = defined($ms);
  my $set = pack("(lss)*", map({ ($_->[0], $_->[1], 0) } @polled));
  my $ready = syscall(PPOLL, $set, scalar(@polled), $is_waiting ? $wait : 0, $no_signal, 8);
  if ($ready == 0 && $is_waiting) {
    $is_waiting = 0;
    if (!$child) { %outputs = () }
    elsif (@hang_ups) { send_signal(shift(@hang_ups)->[1]) }
  }
  next if $ready <= 0;
  my @answers = unpack("(lss)*", $set);
  for my $index (0 .. $#polled) {
    my $answer = $answers[3 * $index + 2];
    $polled[$index][2]->($answer) if $answer;
  }
}
if (!$is_deaf) {
  shutdown($peer, 1);
  fcntl($peer, 4, 2);
  for (my $read = 1; $read || (!defined($read) && $! == $EINTR);) { $read = sysread($peer, $from_peer, $FULL) }
}
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
`;

const RELAY = TERMINAL + COMMAND + PEER + LOOP;
