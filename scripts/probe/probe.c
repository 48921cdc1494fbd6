/* onewrite --probe: what can be seen of a running server from outside.
 *
 * A client with one connection sees the stall as every such client does: its kernel delays the acknowledgement of the
 * first segment, and the server's kernel waits for it (Nagle). A pause can also be the server's own, so the server is
 * asked again by a client that acknowledges at once: a pause that is gone then was the stall. */
#include "probe.h"
#include "ask.h"
#include "measure.h"
#include "other.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	REQUESTS = 12,      /* in a look */
	REQUESTS_AGAIN = 5, /* in one with quick acknowledgements */
	LOOK_S = 10,        /* no request is begun later than this in a look */
	STALL_US = 30000,   /* a pause of this length may be the stall */
	HELD_US = 5000,     /* so long a head is held at most */
};

/* Medians of some responses. */
struct look {
	unsigned count, status, connections;
	double bytes, segments, least, least_held, first_us, last_us, pause_us;
};

static double median(double *values, unsigned n)
{
	return quantile(values, n, 0.5);
}

/* `answer` is the first one, if it came already. */
static struct look look_at(struct asker *a, struct answer *answer, bool has_first, unsigned requests)
{
	static double bytes[REQUESTS], segments[REQUESTS], least[REQUESTS], held[REQUESTS], first[REQUESTS],
		last[REQUESTS], pause[REQUESTS];
	uint64_t begin = now_us();
	unsigned n = 0, before = a->connections - has_first;
	while (n < requests && (n == 0 || now_us() - begin < LOOK_S * 1000000)) {
		say_progress("request %u of %u", n + 1, requests);
		if (n > 0 || !has_first)
			asker_must(a, answer);
		bytes[n] = (double)answer->bytes;
		segments[n] = answer->segments;
		least[n] = least_segments(answer, a->mss, UINT64_MAX);
		held[n] = least_segments(answer, a->mss, HELD_US);
		first[n] = (double)answer->response.first_us;
		last[n] = (double)answer->last_us;
		pause[n++] = (double)longest_pause(answer);
	}
	say_progress(NULL);
	return (struct look){
		.count = n,
		.status = answer->response.status,
		.connections = a->connections - before,
		.bytes = median(bytes, n),
		.segments = median(segments, n),
		.least = median(least, n),
		.least_held = median(held, n),
		.first_us = median(first, n),
		.last_us = median(last, n),
		.pause_us = median(pause, n),
	};
}

/* The end of the report about a server that cannot be helped. */
static int cannot(const char *url, const char *why)
{
	printf("%s: nothing was measured\nverdict: cannot: %s\n"
	       "next: if plain HTTP/1.x is spoken behind it, onewrite --probe http://HOST:PORT/ with the address "
	       "there\n",
	       url, why);
	say_end();
	return 0;
}

static const char *ms(double us)
{
	return format(us < 10000 ? "%.3f ms" : "%.1f ms", us / 1000);
}

static void say_segments(const struct look *l, unsigned mss)
{
	if (l->segments > 0)
		printf("segments: %.0f per response, %.0f is the least (%u bytes in one at most)\n", l->segments,
		       l->least, mss);
	else
		printf("segments: this kernel does not count them, %.0f is the least (%u bytes in one at most)\n",
		       l->least, mss);
}

/* Is the pause gone where the client acknowledges at once? */
static bool say_stall(const struct look *l, const struct look *quick)
{
	bool stalls = l->pause_us >= STALL_US && quick->pause_us < l->pause_us / 2;
	if (stalls)
		printf("stall: yes, %s inside a response, and %s if the client acknowledges at once: Nagle's algorithm "
		       "waits for a delayed ACK\n",
		       ms(l->pause_us), ms(quick->pause_us));
	else if (l->pause_us >= STALL_US)
		printf("stall: no, there are %s inside a response, but it is the server itself that pauses\n",
		       ms(l->pause_us));
	else
		printf("stall: no, the longest pause inside a response is %s\n", ms(l->pause_us));
	return stalls;
}

static void say_verdict(const char *url, const struct look *l, const struct look *quick, bool stalls)
{
	const struct look *best = stalls ? quick : l; /* without the stall's pause */
	double most = best->segments > l->segments ? best->segments : l->segments;
	if (stalls || most > best->least_held)
		printf("verdict: would gain: %s%s%s; next: onewrite --compare %s -- COMMAND, with the command that "
		       "starts this server\n",
		       stalls ? "no stall" : "", stalls && most > best->least_held ? ", and " : "",
		       most > best->least_held
		               ? format("%.0f instead of %.0f segments per response", best->least_held, most)
		               : "",
		       url);
	else if (l->segments > l->least)
		printf("verdict: would not: the parts of a response come %s and more after each other, and a head is "
		       "held for %d ms at most; next: nothing to do\n",
		       ms(HELD_US), HELD_US / 1000);
	else
		printf("verdict: would not: %s; next: nothing to do, or another URL of this server\n",
		       l->segments > 0 ? "each response comes in the fewest segments that it can"
		                       : "nothing is seen that the library would change");
}

int probe(const char *text, bool head, const char *post)
{
	static struct asker a;
	static struct answer answer;
	struct url url = url_read(text);
	asker_prepare(&a, &url, head, post);
	if (url.secure)
		return cannot(text, "with https a head is encrypted before it is written");
	if (!asker_connect(&a))
		fail("nobody can be reached at %s port %s (%s): start the server, or check host and port", url.host,
		     url.port, strerror(errno));
	bool answered = asker_ask(&a, &answer);
	const char *other = other_protocol(&a, &answer);
	if (other != NULL)
		return cannot(text, other);
	if (!answered && a.client.have > a.client.used && strncmp(first_bytes(&a), "HTTP/1.", 7) != 0 &&
	    answer.response.status == 0)
		fail("%s: this is no HTTP server, it begins with '%s': check the port", text, first_bytes(&a));
	if (!answered)
		fail("%s: %s: check that this is a server of HTTP, and ask for something that ends within %d s and %d "
		     "MiB",
		     text,
		     answer.response.failure != NULL ? answer.response.failure
		                                     : "the connection was closed without a response",
		     PATIENCE_S, BODY_MAX >> 20);
	struct look l = look_at(&a, &answer, true, REQUESTS), quick = l;
	if (l.pause_us >= STALL_US) {
		a.client.acks_at_once = true;
		quick = look_at(&a, &answer, false, REQUESTS_AGAIN);
	}
	printf("%s: %s, status %u, %.0f bytes; %u requests on %s\n", text, a.method, l.status, l.bytes, l.count,
	       l.connections == 1 ? "one connection that was kept" : format("%u connections", l.connections));
	say_segments(&l, a.mss);
	printf("time: %s to the first byte, %s to the last (medians)\n", ms(l.first_us), ms(l.last_us));
	bool stalls = say_stall(&l, &quick);
	say_verdict(text, &l, &quick, stalls);
	say_end();
	return 0;
}
