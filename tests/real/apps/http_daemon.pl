# A server made with HTTP::Daemon. Arguments: the port, a file, and `fork` for a process for each connection.
use strict;
use warnings;
use HTTP::Daemon;
use HTTP::Response;

my ($port, $file, $fork) = @ARGV;
my $small = '{"name": "small", "pad": "' . 'x' x 172 . '"}';
my $daemon = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1) or die "$port: $!";
$SIG{CHLD} = 'IGNORE' if $fork;
while (my $client = $daemon->accept) {
	if ($fork && fork) {
		$client->close;
		next;
	}
	while (my $request = $client->get_request) {
		my $path = $request->uri->path;
		if ($path eq '/file') {
			$client->send_file_response($file);
		} elsif ($path eq '/moved') {
			$client->send_redirect('/small', 302, 'moved');
		} elsif ($path eq '/fresh') {
			$client->send_response(304);
		} elsif ($path eq '/chunked') {
			my $n = 0;
			$client->send_response(HTTP::Response->new(200, 'OK', ['Content-Type' => 'text/plain'], sub {
				return '' unless $n < 3;
				return sprintf("piece %d of a body that comes in pieces, fifty bytes\n", $n++);
			}));
		} else {
			my $body = $path eq '/large' ? "line of a body of 200 KB\n" x 8000 : $small;
			$client->send_response(
				HTTP::Response->new(200, 'OK', ['Content-Length' => length $body], $body));
		}
	}
	$client->close;
	exit if $fork;
}
