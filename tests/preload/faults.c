/* Proves that system calls may fail under the library at each step of sending what is held, in every mode: an error
 * that passes costs no byte, a final one is told to the program, and nothing is sent out of order. */
#include "harness.h"
#include "library.h"

#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char *const modes[][2] = {
	{ "memory", "header" }, { "memory", "message" }, { "kernel", "header" }, { "kernel", "message" }
};
static const char *const calls[] = { "send", "sendmsg", "writev" };

#define WHOLE_HEAD "writeall=" HEAD

static const struct {
	const char *name, *timeout;
	bool tells; /* a later call can report that the connection is gone */
	const char *steps[ARGS_MAX - 1];
} emissions[] = {
	{ "a joined body", NULL, true, { "nonblock", WHOLE_HEAD, "writeall=*200", "await" } },
	{ "a joined body of two pieces", NULL, true, { WHOLE_HEAD, "writeall/2=*200", "await" } },
	{ "a joined body with MSG_NOSIGNAL",
	  NULL,
	  true,
	  { "nonblock", WHOLE_HEAD, "writeall+MSG_NOSIGNAL=*200", "await" } },
	{ "a body in three writes",
	  NULL,
	  true,
	  { "nonblock", WHOLE_HEAD, "writeall=*100", "writeall=*50", "writeall=*50", "await" } },
	{ "chunks",
	  NULL,
	  true,
	  { "nonblock", "writeall=" CHUNKED_HEAD, "writeall=c8\r\n", "writeall=*200", "writeall=\r\n",
	    "writeall=0\r\n\r\n", "await" } },
	{ "the deadline",
	  "5ms",
	  true,
	  { "nonblock", WHOLE_HEAD, "sleep=30", "writeall=*100", "sleep=30", "writeall=*100", "await" } },
	{ "the deadline on a blocking socket", "5ms", true, { WHOLE_HEAD, "sleep=30", "writeall=*200", "await" } },
	{ "a read", NULL, true, { "nonblock", WHOLE_HEAD, "recv+MSG_DONTWAIT=1", "writeall=*200", "await" } },
	{ "setsockopt", NULL, true, { WHOLE_HEAD, "keepalive=1", "writeall=*200", "await" } },
	{ "dup", NULL, true, { WHOLE_HEAD, "dup", "writeall=*200", "await" } },
	{ "fork", NULL, true, { WHOLE_HEAD, "child:sleep=0", "writeall=*200", "await" } },
	{ "sendfile", NULL, true, { WHOLE_HEAD, "sendfile=*200", "await" } },
	{ "two heads in a row", NULL, true, { "nonblock", WHOLE_HEAD, WHOLE_HEAD, "writeall=*200", "await" } },
	{ "close", NULL, false, { "nonblock", WHOLE_HEAD, "close", "await" } },
	{ "close of a blocking socket", NULL, false, { WHOLE_HEAD, "close", "await" } },
	{ "close in the middle of a body", NULL, false, { WHOLE_HEAD, "writeall=*100", "close", "await" } },
	{ "shutdown", NULL, false, { "nonblock", WHOLE_HEAD, "shutdown", "await" } },
	{ "exit", NULL, false, { "nonblock", WHOLE_HEAD, "exit" } },
	{ "_exit", NULL, false, { WHOLE_HEAD, "_exit" } },
	{ "execve", NULL, false, { "nonblock", WHOLE_HEAD, "exec=execve", "writeall=*200", "await" } },
};

/* One row of `emissions` in one mode, with the faults that it meets. */
struct trial {
	struct setup setup;
	char name[256], faults[128];
	const struct run *bare;
};

static void prepare(struct trial *t, size_t emission, size_t mode)
{
	t->setup = (struct setup){ .args = { STEPS, "stops" },
		                   .timeout = emissions[emission].timeout,
		                   .hold = modes[mode][0],
		                   .join = modes[mode][1] };
	for (size_t i = 0; emissions[emission].steps[i] != NULL; i++)
		t->setup.args[i + 2] = emissions[emission].steps[i];
}

static struct run *run_with_faults(struct trial *t, size_t emission)
{
	t->setup.faults = t->faults;
	snprintf(t->name, sizeof t->name, "%s meets %s, hold %s, join %s", emissions[emission].name, t->faults,
	         t->setup.hold, t->setup.join);
	return run(&t->setup, SHIM);
}

/* Calls `check` for each mode, and in it for each kind of call that the row makes there. */
static void each_call(size_t emission, void (*check)(struct trial *t, size_t emission, const char *call))
{
	struct trial t = { .faults = "" };
	char pattern[32];

	prepare(&t, emission, 0);
	t.bare = run(&t.setup, BARE);
	for (size_t m = 0; m < ROWS(modes); m++) {
		struct run *without;
		prepare(&t, emission, m);
		without = run(&t.setup, SHIM);
		for (size_t c = 0; c < ROWS(calls); c++) {
			snprintf(pattern, sizeof pattern, "%s *", calls[c]);
			if (calls_like(without, pattern) > 0)
				check(&t, emission, calls[c]);
		}
		run_free(without);
	}
	run_free((struct run *)t.bare);
}

/* --- errors that may pass --------------------------------------------------------------------- */

static const char *const passing[] = { "EAGAIN", "EINTR", "ENOBUFS", "ENOMEM" };

/* At most two errors in a row: with an error that never passes, nothing can be written to the connection at all. */
static const char *const places[] = { "%1$s:1:errno=%2$s", "%1$s:2:errno=%2$s", "%1$s:1:errno=%2$s,%1$s:2:errno=%2$s",
	                              "%1$s:1:short=33,%1$s:2:errno=%2$s" };

static void check_passing(struct trial *t, size_t emission, const char *call)
{
	const struct text *want = &t->bare->bytes[0];

	for (size_t i = 0; i < ROWS(places) * ROWS(passing); i++) {
		struct run *r;
		snprintf(t->faults, sizeof t->faults, places[i / ROWS(passing)], call, passing[i % ROWS(passing)]);
		r = run_with_faults(t, emission);
		cr_expect(r->bytes[0].n == want->n && memcmp(r->bytes[0].p, want->p, want->n) == 0,
		          "%s: the peer got %zu bytes, bare %zu: \"%.30s\"; calls: %s", t->name, r->bytes[0].n, want->n,
		          r->bytes[0].p, r->calls.p);
		cr_expect(strcmp(r->results.p, t->bare->results.p) == 0 && r->status == t->bare->status,
		          "%s: wait status %#x; the program saw\n%sinstead of\n%scalls:\n%s", t->name,
		          (unsigned)r->status, r->results.p, t->bare->results.p, r->calls.p);
		run_free(r);
	}
}

EACH_TEST(faults, what_passes_costs_no_byte, ROWS(emissions), 280)
{
	each_call(*i, check_passing);
}

/* --- errors that are final -------------------------------------------------------------------- */

static const char *const final[] = { "EPIPE", "ECONNRESET", "ETIMEDOUT" };

/* The program is told, and what arrived until then is a beginning of the bare run's bytes. */
static void check_final(struct trial *t, size_t emission, const char *call)
{
	for (size_t i = 0; i < 2 * ROWS(final); i++) {
		const char *error = final[i / 2];
		char refused[64];
		struct run *r;
		bool told;
		snprintf(t->faults, sizeof t->faults, "%s:%zu:errno=%s", call, i % 2 + 1, error);
		snprintf(refused, sizeof refused, "= -1 %s\n", error);
		r = run_with_faults(t, emission);
		told = strstr(r->results.p, error) != NULL ||
		       (WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGPIPE);
		cr_expect(r->status != -1, "%s: hung; calls: %s", t->name, r->calls.p);
		cr_expect(told || !emissions[emission].tells || strstr(r->calls.p, refused) == NULL,
		          "%s: nobody told the program; it saw\n%scalls:\n%s", t->name, r->results.p, r->calls.p);
		cr_expect(r->bytes[0].n <= t->bare->bytes[0].n &&
		                  memcmp(r->bytes[0].p, t->bare->bytes[0].p, r->bytes[0].n) == 0,
		          "%s: the peer got other bytes than bare: \"%.40s\"; calls: %s", t->name, r->bytes[0].p,
		          r->calls.p);
		run_free(r);
	}
}

EACH_TEST(faults, what_is_final_is_told, ROWS(emissions), 280)
{
	each_call(*i, check_final);
}

/* --- what the library itself needs ------------------------------------------------------------ */

static const char *const needs[] = {
	"mmap:*:errno=ENOMEM",           "mmap:1:errno=ENOMEM",          "mmap:2:errno=ENOMEM",
	"mmap:3:errno=ENOMEM",           "mmap:4:errno=ENOMEM",          "mmap:5:errno=ENOMEM",
	"pthread_create:*:errno=EAGAIN", "pthread_create:1:errno=EPERM", "fcntl:*:errno=EMFILE",
	"setsockopt:*:errno=ENOBUFS",    "setsockopt:1:errno=EPERM",     "getsockopt:*:errno=EPERM",
	"getsockopt:1:errno=EPERM",      "getsockopt:2:errno=EPERM",     "ioctl:*:errno=EPERM"
};

/* Two messages, the second of which comes after its deadline; then a third with a body by sendfile. */
EACH_TEST(faults, what_the_library_does_not_get_it_does_without, ROWS(needs), 60)
{
	struct scenario s = { needs[*i],
		              { WHOLE_HEAD, "writeall=*100", "writeall=*100", "await", WHOLE_HEAD, "sleep=30", "await",
		                "writeall=*200", "await", "recv+MSG_DONTWAIT=1", WHOLE_HEAD, "sendfile=*200", "await",
		                "close", "await" },
		              ANY_CALLS,
		              .faults = needs[*i],
		              .timeout = "5ms" };

	check_scenario(&s);
	check_scenario_elsewhere(&s);
}

#ifndef UNDER_TSAN /* TSan's library runs only in programs that were built with TSan */
/* --- a real server ---------------------------------------------------------------------------- */

/* strace makes the system call itself fail, whether the program, libc or the library made it. */
static const char *const injections[][2] = { { "writev,sendto,sendmsg", "error=EINTR:when=1+2" },
	                                     { "writev,sendto,sendmsg", "error=EINTR:when=2+3" },
	                                     { "setsockopt", "error=ENOBUFS:when=2+2" },
	                                     { "getsockopt", "error=ENOBUFS" },
	                                     { "getsockopt", "error=ENOBUFS:when=2+3" },
	                                     { "madvise", "error=EINVAL" },
	                                     { "clone,clone3", "error=EAGAIN" } };

enum { FETCHES = 12, BODY_BYTES = 3000 };

/* The server sends a head, may pause, and sends the body in two writes. It has one thread, and serves one connection
 * after the other. */
#define SERVER                                            \
	"import http.server as h, time\n"                 \
	"class Handler(h.BaseHTTPRequestHandler):\n"      \
	"	protocol_version = 'HTTP/1.1'\n"                \
	"	def log_message(*a): pass\n"                    \
	"	def do_GET(s):\n"                               \
	"		s.send_response(200)\n"                        \
	"		s.send_header('Content-Length', '3000')\n"     \
	"		s.end_headers()\n"                             \
	"		time.sleep(.02 if s.path == '/slow' else 0)\n" \
	"		s.wfile.write(b'a' * 1000)\n"                  \
	"		s.wfile.write(b'b' * 2000)\n"                  \
	"s = h.HTTPServer(('127.0.0.1', 0), Handler)\n"   \
	"print('port', s.server_port, flush=True)\n"      \
	"s.serve_forever()\n"

struct server {
	pid_t group;
	int port;
	char log[64]; /* the log of strace */
};

static void become_server(const struct server *s, size_t injection, int out)
{
	char trace[64], inject[128], preload[PATH_MAX + 16];

	snprintf(trace, sizeof trace, "trace=%s", injections[injection][0]);
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library_under_test());
	snprintf(inject, sizeof inject, "inject=%s:%s", injections[injection][0], injections[injection][1]);
	setpgid(0, 0);
	alarm(50);
	dup2(out, 1);
	dup2(out, 2);
	close_range(3, ~0u, 0);
	execlp("strace", "strace", "-f", "-qq", "-o", s->log, "-e", trace, "-e", inject, "-E", preload, "-E",
	       "ASAN_OPTIONS=verify_asan_link_order=0", "-E", "ONEWRITE_TIMEOUT=5ms", "/usr/bin/python3", "-c", SERVER,
	       (char *)NULL);
	_exit(127);
}

static void stop(const struct server *s)
{
	kill(-s->group, SIGKILL);
	waitpid(s->group, NULL, 0);
	unlink(s->log);
}

static struct server start(size_t injection)
{
	struct server s = { .log = "/tmp/onewrite-strace-XXXXXX" };
	char line[512] = "";
	int out[2];
	FILE *said;

	close(mkstemp(s.log));
	cr_assert(pipe(out) == 0, "pipe");
	s.group = fork();
	if (s.group == 0)
		become_server(&s, injection, out[1]);
	close(out[1]);
	said = fdopen(out[0], "r");
	while (s.port == 0 && fgets(line, sizeof line, said) != NULL)
		sscanf(line, "port %d", &s.port);
	fclose(said);
	if (s.port == 0)
		stop(&s);
	cr_assert(s.port != 0, "the server did not start (%s): are the packages strace and python3 installed?", line);
	return s;
}

/* Asks for one answer on a kept-alive connection; true: it is as it must be. */
static bool fetch(int fd, const char *path)
{
	char request[64], answer[BODY_BYTES + 1024], *body;
	ssize_t n;
	size_t got = 0;

	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: here\r\n\r\n", path);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return false;
	for (;;) {
		if ((n = recv(fd, answer + got, sizeof answer - 1 - got, 0)) <= 0)
			return false;
		answer[got += (size_t)n] = '\0';
		body = strstr(answer, "\r\n\r\n");
		if (body != NULL && answer + got >= body + 4 + BODY_BYTES)
			break;
	}
	return strncmp(answer, "HTTP/1.1 200 OK\r\n", 17) == 0 && strspn(body + 4, "a") == 1000 &&
	       strcmp(body + 1004 + strspn(body + 1004, "b"), "") == 0 && answer + got == body + 4 + BODY_BYTES;
}

static int injected(const struct server *s)
{
	char line[1024];
	int n = 0;
	FILE *f = fopen(s->log, "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n += strstr(line, "(INJECTED)") != NULL;
	fclose(f);
	return n;
}

EACH_TEST(faults, real_server_whose_system_calls_fail_serves_the_same_bytes, ROWS(injections), 60)
{
	struct server server = start(*i);
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons((uint16_t)server.port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { 10, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), good = 0, hits;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
		while (good < FETCHES && fetch(fd, good % 3 == 2 ? "/slow" : "/"))
			good++;
	close(fd);
	hits = injected(&server);
	stop(&server);
	cr_expect(good == FETCHES, "%s %s: answer %d of %d is not as it should be", injections[*i][0],
	          injections[*i][1], good + 1, FETCHES);
	cr_expect(hits > 0, "%s %s: no call failed", injections[*i][0], injections[*i][1]);
}
#endif
