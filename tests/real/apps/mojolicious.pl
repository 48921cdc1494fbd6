# A Mojolicious::Lite application.
use Mojolicious::Lite -signatures;
use Mojo::IOLoop;

my $piece = "piece %d of a body that comes in pieces, fifty bytes\n";

sub in_pieces ($c, $text, $n, $count, $pause) {
	return $c->write_chunk('') if $n == $count;
	$c->write_chunk(sprintf($text, $n), sub {
		Mojo::IOLoop->timer($pause => sub { in_pieces($c, $text, $n + 1, $count, $pause) });
	});
}

sub events ($c, $n) {
	return $c->finish if $n == 2;
	$c->write("data: $n\n\n", sub { Mojo::IOLoop->timer(0.1 => sub { events($c, $n + 1) }) });
}

get '/small' => { json => { name => 'small', pad => 'x' x 172 } };
get '/large' => { text => "line of a body of 200 KB\n" x 8000 };
get '/chunked' => sub ($c) { in_pieces($c, $piece, 0, 3, 0) };
get '/stream' => sub ($c) { in_pieces($c, $piece, 0, 3, 0.1) };
get '/events' => sub ($c) { $c->res->headers->content_type('text/event-stream'); events($c, 0) };
get '/file' => sub ($c) { $c->reply->file($ENV{FILE}) };
get '/moved' => sub ($c) { $c->redirect_to('/small') };
app->log->level('error');
app->start;
