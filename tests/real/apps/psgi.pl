# A PSGI application: the file's value is the subroutine, as plackup wants it.
use strict;
use warnings;
use Time::HiRes 'sleep';

my $small = '{"name": "small", "pad": "' . 'x' x 172 . '"}';
my $large = "line of a body of 200 KB\n" x 8000;

sub in_pieces {
	my ($respond, $type, $text, $count, $pause) = @_;
	my $writer = $respond->([200, ['Content-Type' => $type]]);
	for my $n (0 .. $count - 1) {
		$writer->write(sprintf $text, $n);
		sleep $pause if $pause;
	}
	$writer->close;
}

my $piece = "piece %d of a body that comes in pieces, fifty bytes\n";
my %answers = (
	'/fresh' => [304, ['ETag' => '"1"'], []],
	'/moved' => [302, ['Location' => '/small', 'Content-Length' => 0], []],
	'/chunked' => sub { in_pieces(shift, 'text/plain', $piece, 3, 0) },
	'/stream' => sub { in_pieces(shift, 'text/plain', $piece, 3, 0.1) },
	'/events' => sub { in_pieces(shift, 'text/event-stream', "data: %d\n\n", 2, 0.1) },
	'/large' => [200, ['Content-Length' => length $large], [$large]],
);

sub {
	my $env = shift;
	return $answers{$env->{PATH_INFO}} if $answers{$env->{PATH_INFO}};
	if ($env->{PATH_INFO} eq '/file') {
		open my $file, '<', $ENV{FILE} or die;
		return [200, ['Content-Length' => -s $file], $file];
	}
	$env->{'psgi.input'}->read(my $ignored, $env->{CONTENT_LENGTH}) if $env->{CONTENT_LENGTH};
	my $body = $env->{REQUEST_METHOD} eq 'HEAD' ? [] : [$small];
	return [200, ['Content-Type' => 'application/json', 'Content-Length' => length $small], $body];
};
