# Sends requests on one kept-alive connection. Arguments: the library, the scenario, the URL, how many.
use strict;
use warnings;

my ($library, $scenario, $url, $count) = @ARGV;
my $body = 'x' x ($scenario eq 'large' ? 200000 : 200);

sub pieces {
	my $n = 0;
	return sub { $n < 3 ? sprintf("piece %d of a body that comes in pieces, fifty bytes\n", $n++) : '' };
}

my %send = (
	LWP => sub {
		require LWP::UserAgent;
		my $agent = LWP::UserAgent->new(keep_alive => 1, timeout => 20);
		sub {
			my $response = $scenario eq 'get' ? $agent->get($url)
				: $scenario eq 'chunked'
				? $agent->request(HTTP::Request->new(POST => $url, undef, pieces()))
				: $agent->post($url, Content => $body);
			die $response->status_line unless $response->is_success;
		};
	},
	Tiny => sub {
		require HTTP::Tiny;
		my $agent = HTTP::Tiny->new(timeout => 20);
		my $next;
		sub {
			$next = pieces();
			my $response = $scenario eq 'get' ? $agent->get($url)
				: $agent->post($url,
					{ content => $scenario eq 'chunked' ? sub { $next->() || undef } : $body });
			die $response->{status} unless $response->{success};
		};
	},
	Mojo => sub {
		require Mojo::UserAgent;
		my $agent = Mojo::UserAgent->new;
		sub {
			if ($scenario eq 'upgrade') {
				$agent->websocket($url => sub { Mojo::IOLoop->stop });
				Mojo::IOLoop->start;
				return;
			}
			my $tx = $scenario eq 'get' ? $agent->get($url) : $agent->post($url => $body);
			die $tx->error->{message} if $tx->error;
		};
	},
);
my $once = $send{$library}->();
$once->() for 1 .. $count;
