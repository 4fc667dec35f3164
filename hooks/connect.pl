# The client for machines whose nc has no -U: standard input to the unix socket, the socket to standard output,
# until the daemon closes. The end of standard input closes nothing, unless a second argument says so.
use strict;
use warnings;
use Socket;

my ($path, $ending) = @ARGV;
socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or exit 1;
connect($socket, sockaddr_un($path)) or exit 1;
$SIG{PIPE} = 'IGNORE';

sub copy {
    my ($from, $to) = @_;
    my $count = sysread($from, my $bytes, 65536);
    return $count unless $count;
    for (my $done = 0; $done < $count;) {
        my $written = syswrite($to, $bytes, $count - $done, $done);
        return 0 unless defined $written;
        $done += $written;
    }
    return $count;
}

my $reading = 1;

sub finish {
    $reading = 0;
    shutdown($socket, 1) if $ending;
}

while (1) {
    my $ready = '';
    vec($ready, fileno(STDIN), 1) = 1 if $reading;
    vec($ready, fileno($socket), 1) = 1;
    next if select($ready, undef, undef, undef) < 0;
    if (vec($ready, fileno($socket), 1)) { copy($socket, \*STDOUT) or exit 0; }
    if ($reading && vec($ready, fileno(STDIN), 1)) { copy(\*STDIN, $socket) or finish(); }
}
