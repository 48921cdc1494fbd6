#include "compare.h"
#include "ask.h"
#include "measure.h"
#include "other.h"
#include "picture.h"
#include "run.h"
#include "say.h"
#include "server.h"
#include "sockets.h"
#include "table.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	START_MS = 10000, /* until the command answers */
	FREE_MS = 2000,   /* until its port is free again */
	RUN_S = 20,       /* no request is begun later in a look */
	COUNTED = 20,     /* requests while writes are counted */
	STALL_US = 35000,
};

static struct asker asker;
static struct answer answer;

/* --- the port --------------------------------------------------------------------------------- */

/* 0: nobody listens at the address; else errno of a bind to it. */
static int bind_error(const struct addrinfo *address)
{
	int on = 1, fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	int error = bind(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
	close(fd);
	return error;
}

static bool is_free(const struct addrinfo *address)
{
	for (; address != NULL; address = address->ai_next)
		if (bind_error(address) == EADDRINUSE)
			return false;
	return true;
}

static bool is_here(const struct addrinfo *address)
{
	for (; address != NULL; address = address->ai_next)
		if (bind_error(address) != EADDRNOTAVAIL && bind_error(address) != EAFNOSUPPORT)
			return true;
	return false;
}

int free_port(void)
{
	struct sockaddr_in here = loopback(0);
	socklen_t size = sizeof here;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&here, size) != 0 || getsockname(fd, (struct sockaddr *)&here, &size) != 0)
		fail("there is no free port: %s", strerror(errno));
	printf("%u\n", ntohs(here.sin_port));
	say_end();
	return 0;
}

/* --- one look --------------------------------------------------------------------------------- */

/* Fails, and says what the command said. */
static _Noreturn void give_up(const char *why)
{
	char *said = format("%s", server_said());
	asker_hang_up(&asker);
	server_end();
	if (*said != '\0')
		fail("%s; it said:\n%s", why, said);
	fail("%s", why);
}

static void start(char **command, char **variables, bool counted)
{
	const struct url *url = &asker.url;
	uint64_t begin = now_us();
	const char *why = "nobody listened";
	char *how;
	server_start(command, variables, counted);
	while (now_us() - begin < START_MS * 1000) {
		if (server_has_ended(&how))
			give_up(format("the command %s before it answered at %s: check that it listens there, and "
			               "stays in the foreground",
			               how, url->text));
		asker.connections = 0;
		if (!asker_connect(&asker)) {
			pause_ms(10);
			continue;
		}
		if (asker_ask(&asker, &answer)) {
			asker_hang_up(&asker);
			return;
		}
		why = answer.response.failure != NULL ? answer.response.failure : "the connection was closed";
		const char *other = other_protocol(&asker, &answer);
		if (other != NULL)
			give_up(format("nothing can be compared: %s; take a URL where plain HTTP/1.x is spoken",
			               other));
		asker_hang_up(&asker);
		pause_ms(10);
	}
	give_up(format("the command did not answer at %s within %d s (%s): check that it listens there", url->text,
	               START_MS / 1000, why));
}

static void stop(void)
{
	uint64_t begin = now_us();
	asker_hang_up(&asker);
	server_end();
	while (!is_free(asker.address))
		if (now_us() - begin > (START_MS + FREE_MS) * 1000)
			fail("somebody listens at %s although the command was ended: end it by hand", asker.url.text);
		else
			pause_ms(10);
}

static void ask_once(void)
{
	if (asker_ask(&asker, &answer))
		return;
	give_up(format("%s: %s; at most %d s and %d MiB are waited for", asker.url.text,
	               answer.response.failure != NULL ? answer.response.failure
	                                               : "the connection was closed without a response",
	               PATIENCE_S, BODY_MAX >> 20));
}

static void keep(struct timeline *line)
{
	size_t n = answer.arrivals.count;
	line->count = n;
	line->last_us = answer.last_us;
	if ((line->each = malloc((n + 1) * sizeof *line->each)) == NULL)
		give_up("there is no memory for so many responses: end other programs, and try again");
	memcpy(line->each, answer.arrivals.each, n * sizeof *line->each);
}

/* An undisturbed look. */
static void look(struct run *r, const char *label, unsigned count)
{
	static double times[LOOKED_AT_MAX];
	static struct timeline lines[LOOKED_AT_MAX];
	uint64_t begin = now_us();
	double segments = 0;
	unsigned n = 0;
	while (n < count && (n == 0 || now_us() - begin < (uint64_t)RUN_S * 1000000)) {
		char *text;
		size_t size;
		if (n % 10 == 0)
			say_progress("%s: request %u of %u", label, n + 1, count);
		asker.client.dump = open_memstream(&text, &size);
		ask_once();
		fclose(asker.client.dump);
		asker.client.dump = NULL;
		segments += answer.segments;
		keep(&lines[n]);
		times[n++] = (double)answer.last_us;
		bytes_add(&r->bytes, text, size);
	}
	r->count = n;
	r->segments = segments / n;
	r->median_us = quantile(times, n, 0.5);
	r->p99_us = quantile(times, n, 0.99);
	for (unsigned i = 0; i < n; i++)
		if (r->middle.each == NULL && (double)lines[i].last_us == r->median_us)
			r->middle = lines[i];
		else
			free(lines[i].each);
	r->median_us = r->median_us > 0 ? r->median_us : 0.5; /* the clock's own step */
}

/* A short one, in which writes are counted. */
static void look_at_writes(struct run *r, const char *label)
{
	uint64_t begin = now_us();
	unsigned n = 0;
	server_count();
	for (; n < COUNTED && (n == 0 || now_us() - begin < (uint64_t)RUN_S * 1000000 / 2); n++) {
		if (n == 0)
			say_progress("%s: writes are counted", label);
		ask_once();
	}
	long writes = server_counted();
	r->writes = writes < 0 ? -1 : (double)writes / n;
}

static void both_looks(struct run *r, const char *label, char **command, char **variables, unsigned count)
{
	for (int counted = 0; counted < 2; counted++) {
		say_progress("%s: starts", label);
		start(command, variables, counted);
		if (counted)
			look_at_writes(r, label);
		else
			look(r, label, count);
		say_progress("%s: is ended", label);
		stop();
	}
	say_progress(NULL);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void prepare(const struct comparison *c)
{
	const char *preloaded = getenv("LD_PRELOAD");
	struct url url = url_read(c->url);
	if (preloaded != NULL && strstr(preloaded, "libonewrite") != NULL)
		refuse("LD_PRELOAD names the library already, so the command would have it both times: unset it");
	if (url.secure)
		refuse("with https a head is encrypted before it is written, and nothing can be gained: take a URL "
		       "with http://");
	asker_prepare(&asker, &url, c->head, c->post);
	asker.address = url_find(&url, true);
	if (!is_here(asker.address))
		refuse("'%s' is no address of this machine, where the command is started: take one that it listens at",
		       url.host);
	if (!is_free(asker.address))
		refuse("somebody listens already at %s port %s: end that server, or take another port", url.host,
		       url.port);
	server_prepare();
}

static char **wrapped(const struct comparison *c)
{
	size_t n = 0, at = 0;
	while (c->command[n] != NULL)
		n++;
	char **words = calloc(n + 4, sizeof *words);
	if (words == NULL)
		refuse("there is no memory: end other programs, and try again");
	words[at++] = (char *)c->wrapper;
	if (c->force)
		words[at++] = "--force";
	words[at++] = "--";
	memcpy(words + at, c->command, n * sizeof *words);
	return words;
}

static char *title_of(char **command)
{
	char *title = format("%s", *command);
	while (*++command != NULL)
		title = format("%s %s", title, *command);
	return title;
}

static void say_what_is_done(const struct comparison *c)
{
	struct utsname system;
	uname(&system);
	printf("%s %s, %u requests each, Linux %.*s\n", asker.method, c->url, c->count,
	       (int)strspn(system.release, "0123456789."), system.release);
	table_head();
}

/* False: the library changed the bytes. */
static bool say_bytes(const struct run *bare, const struct run *joined)
{
	const char *differs = bytes_differ(&bare->bytes, &joined->bytes);
	if (bare->bytes.varies != NULL)
		printf("  the bytes cannot be compared, for the responses differ from each other as it is, at %s\n",
		       bare->bytes.varies);
	else if (differs == NULL && (differs = joined->bytes.varies) == NULL)
		printf("  the same bytes in all %u responses (the values of Date are left out)\n",
		       bare->count + joined->count);
	else
		printf("  but the answers differ, and that must never happen: at %s\n", differs);
	return bare->bytes.varies != NULL || differs == NULL;
}

static void explain(bool stalled, bool uncounted)
{
	if (stalled || uncounted)
		putchar('\n');
	if (stalled)
		puts("Where the time went: Nagle's algorithm holds the second segment back until the\n"
		     "first is acknowledged, and the client's kernel takes its time to acknowledge it\n"
		     "(delayed ACK). A single write leaves nothing to wait for.");
	if (uncounted)
		puts("-: writes cannot be counted where ptrace is forbidden, nor in programs of another word size.");
}

static void note(const char *file, bool stalled, bool uncounted)
{
	FILE *notes = fopen(file, "ae");
	if (notes == NULL || fprintf(notes, "%s%s", stalled ? "stalled\n" : "", uncounted ? "uncounted\n" : "") < 0 ||
	    fclose(notes) != 0)
		fail("'%s' cannot be written: %s", file, strerror(errno));
}

int compare(const struct comparison *c)
{
	static struct run bare, joined;
	prepare(c);
	if (c->picture != NULL)
		picture_prepare(c->picture);
	table_prepare();
	both_looks(&bare, "as it is", c->command, NULL, c->count);
	if (c->title == NULL)
		say_what_is_done(c);
	table_title(c->title != NULL ? c->title : title_of(c->command));
	table_row("as it is", true, &bare, &bare);
	both_looks(&joined, "with onewrite", wrapped(c), c->settings, c->count);
	table_row("with onewrite", false, &joined, &bare);
	table_conclusion(&bare, &joined);
	bool same = say_bytes(&bare, &joined);
	bool stalled = bare.median_us >= STALL_US && joined.median_us < bare.median_us / 2;
	bool uncounted = bare.writes < 0 || joined.writes < 0;
	if (c->notes != NULL)
		note(c->notes, stalled, uncounted);
	else
		explain(stalled, uncounted);
	if (c->picture != NULL)
		picture_draw(c->picture, c->url, &bare.middle, &joined.middle);
	say_end();
	return same ? 0 : 1;
}

int measure(const struct comparison *c)
{
	static struct run r;
	prepare(c);
	both_looks(&r, "the command", c->command, NULL, c->count);
	if (r.bytes.varies != NULL)
		fail("the responses differ from each other, at %s", r.bytes.varies);
	printf("%s %.2f %.1f %08x\n", r.writes < 0 ? "?" : format("%.2f", r.writes), r.segments, r.median_us,
	       sum_more(SUM_START, r.bytes.text, r.bytes.size));
	say_end();
	return 0;
}
