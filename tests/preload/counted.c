/* Proves that the counters say what was done, and that a process which only observes is left as it is and counts the
 * same. */
#include "counted.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODY_50      "01234567890123456789012345678901234567890123456789"
#define BODY_100     BODY_50 BODY_50
#define BOTH_HALVES  "write=" HEAD, "write=*200"
#define REQUEST_HEAD "write=POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n"

struct counted {
	const char *name;
	const char *steps[ARGS_MAX - 3]; /* for p_steps */
	const char *counted;             /* as run_counted() has it */
	const char *observed;            /* the same where it is only observed; NULL: no different */
	const char *request, *timeout, *hold, *join;
};

#define JOINED_ONCE "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1"

static const struct counted table[] = {
	{ "a head and its body", { BOTH_HALVES, "await" }, JOINED_ONCE },
	{ "three of them on one connection",
	  { BOTH_HALVES, BOTH_HALVES, BOTH_HALVES, "await" },
	  "RESPONSES 3, KEPT 3, JOINED 3, GATHERED 3, STALLS 3" },
	{ "without Nagle's algorithm",
	  { "nodelay=1", BOTH_HALVES, "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1" },
	{ "a request", { REQUEST_HEAD, "write=*200", "await" }, "REQUESTS 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1" },
	{ "three requests",
	  { REQUEST_HEAD, "write=*200", REQUEST_HEAD, "write=*200", REQUEST_HEAD, "write=*200", "await" },
	  "REQUESTS 3, KEPT 3, JOINED 3, GATHERED 3, STALLS 3" },
	{ "Nagle's algorithm is switched off meanwhile",
	  { BOTH_HALVES, BOTH_HALVES, "nodelay=1", BOTH_HALVES, BOTH_HALVES, "await" },
	  "RESPONSES 4, KEPT 4, JOINED 4, GATHERED 4, STALLS 2" },
	{ "a second head that is not joined, and a head in two writes",
	  { BOTH_HALVES, "write=" HEAD, "recv+MSG_DONTWAIT=1", "write=*200", "write=HTTP/1.1 200 OK\r\n",
	    "write=Content-Length: 200\r\n\r\n", "write=*200", "await" },
	  "RESPONSES 3, KEPT 4, JOINED 2, GATHERED 2, ADDED 1, STALLS 2, read 1" },
	{ "in one write", { "write=" HEAD BODY_100 BODY_100, "await" }, "RESPONSES 1, ONE_WRITE 1" },
	{ "no body", { "write=HTTP/1.1 304 Not Modified\r\n\r\n", "await" }, "RESPONSES 1, ONE_WRITE 1, no-body 1" },
	{ "chunks",
	  { "write=" CHUNKED_HEAD, "write=5\r\n", "write=hello", "write=\r\n", "write=0\r\n\r\n", "await" },
	  "RESPONSES 1, KEPT 2, JOINED 1, GATHERED 1, FILLED 2, STALLS 1",
	  .join = "message" },
	{ "the program reads in between",
	  { "write=" HEAD, "recv+MSG_DONTWAIT=1", "write=*200", "await" },
	  "RESPONSES 1, KEPT 1, ADDED 1, read 1" },
	{ "an event stream",
	  { "write=HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", "write=*200", "await" },
	  "RESPONSES 1, stream 1" },
	{ "two heads",
	  { "write=" CHUNKED_HEAD, BOTH_HALVES, "await" },
	  "RESPONSES 2, KEPT 2, JOINED 1, GATHERED 1, ADDED 1, STALLS 1, next-head 1" },
	{ "a close", { "write=" HEAD, "close" }, "RESPONSES 1, KEPT 1, ADDED 1, close 1" },
	{ "TLS", { "write=\x16\x03\x01\x02\x03 hello", "await" }, "tls 1" },
	{ "HTTP/2", { "write=PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "await" }, "http2 1" },
	{ "another protocol",
	  { "write=220 mail ready for you\r\n", "write=250 and more\r\n", "await" },
	  "other-protocol 1" },
	{ "what no hook sees", { "unseen=hello", "close" }, "no-write-seen 1" },
};

static void check_counted(const struct counted *row)
{
	for (int observe = 0; observe < 2; observe++) {
		struct setup setup = { .args = { STEPS },
			               .request = row->request,
			               .timeout = row->timeout,
			               .hold = row->hold,
			               .join = row->join != NULL ? row->join : "message" };
		const char *want = observe && row->observed != NULL ? row->observed : row->counted;
		struct text counted = { 0 }, files = { 0 };

		for (size_t s = 0; row->steps[s] != NULL; s++)
			setup.args[s + 1] = row->steps[s];
		struct run *r = run_counted(&setup, observe, &counted, &files);
		cr_expect_str_eq(counted.p, want, "%s%s: counted %s\n    instead of %s\n%s", row->name,
		                 observe ? ", observed" : "", counted.p, want, r->results.p);
		cr_expect(files.n == 0 || strstr(files.p, ".stats") == NULL, "%s: a file is not folded: %.*s",
		          row->name, (int)files.n, files.p);
		if (observe) {
			struct run *bare = run(&setup, BARE);
			compare_runs(row->name, bare, r, NULL);
			cr_expect_str_eq(r->calls.p, bare->calls.p, "%s: calls:\n%s    instead of\n%s", row->name,
			                 r->calls.p, bare->calls.p);
			run_free(bare);
		}
		run_free(r);
		free(counted.p);
		free(files.p);
	}
}

EACH_TEST(counted, decisions, ROWS(table), 60)
{
	check_counted(&table[*i]);
}

/* Reasons that come from what the program does beside its messages. Observing makes no calls of its own, so it cannot
 * say why the kernel would hold; and it knows nothing of pauses and of what was held in vain before. */
static const struct counted reasons[] = {
	{ "a chunk size that is none",
	  { "write=" CHUNKED_HEAD, "write=zz\r\n", "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, STALLS 1, framing-lost 1" },
	{ "more than the message has",
	  { "write=" HEAD, "write=*250", "write=hello", "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, STALLS 1, behind-the-end 1" },
	{ "out-of-band data",
	  { "write=" HEAD, "send+MSG_OOB=x", "close" },
	  "RESPONSES 1, KEPT 1, JOINED 1, ADDED 1, STALLS 1, flags 1",
	  .observed = "RESPONSES 1, KEPT 1, JOINED 1, ADDED 1, flags 1" },
	{ "a body by sendfile",
	  { "write=" HEAD, "sendfile=*200", "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, ADDED 1, STALLS 1, lead 1" },
	{ "the program corks", { "cork=1", BOTH_HALVES, "cork=0", "await" }, "program-corks 1" },
	{ "MSG_MORE", { "send+MSG_MORE=" HEAD, "write=*200", "await" }, "program-corks 1" },
	{ "time stamps", { "stamps", BOTH_HALVES, "await" }, "option-set 1" },
	{ "a second number",
	  { "dup", BOTH_HALVES, "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1, second-name 1",
	  .observed = "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1" },
	{ "a number that is standard output's",
	  { "onto=1", BOTH_HALVES, "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1, no-write-seen 1, standard 1",
	  .observed = "no-write-seen 1" },
	{ "a writer that is not seen",
	  { "read=500", "write=" HEAD, "unseen=*200", "peer=GET / HTTP/1.1\r\n\r\n", "read=500", BOTH_HALVES,
	    BOTH_HALVES, "await" },
	  "RESPONSES 3, KEPT 3, JOINED 2, GATHERED 2, ADDED 2, STALLS 2, next-head 1, read 1, unseen-writer 2",
	  .observed = "RESPONSES 3, KEPT 3, JOINED 2, GATHERED 2, ADDED 2, STALLS 2, next-head 1, read 1",
	  .request = "GET / HTTP/1.1\r\n\r\n" },
	{ "a child has the socket",
	  { "forked", BOTH_HALVES, "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1, inherited 1",
	  .observed = "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1" },
	{ "held by the kernel",
	  { BOTH_HALVES, "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1, as-set 1",
	  .observed = "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1",
	  .hold = "kernel" },
	{ "a shutdown", { "write=" HEAD, "shutdown" }, "RESPONSES 1, KEPT 1, ADDED 1, shutdown 1" },
	{ "behind a shutdown", { "shutdown", "send+MSG_NOSIGNAL=" HEAD }, "shut 1", .observed = "" },
	{ "a question for errors",
	  { "write=" HEAD, "get-error", "write=*200", "await" },
	  "RESPONSES 1, KEPT 1, ADDED 1, options 1" },
	{ "Expect: 100-continue",
	  { "write=POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "write=hello", "await" },
	  "REQUESTS 1, GATHERED 1, expect 1" },
	{ "an upgrade",
	  { "write=GET / HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "await" },
	  "REQUESTS 1, ONE_WRITE 1, upgrade 1" },
	{ "a tunnel",
	  { "read=100", "write=HTTP/1.1 200 OK\r\n\r\n", "await" },
	  "RESPONSES 1, ONE_WRITE 1, tunnel 1",
	  .request = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" },
	{ "a second name", { "write=" HEAD, "dup", "write=*200", "await" }, "RESPONSES 1, KEPT 1, ADDED 1, dup 1" },
	{ "a fork", { "write=" HEAD, "forked", "write=*200", "await" }, "RESPONSES 1, KEPT 1, ADDED 1, fork 1" },
	{ "another program", { "write=" HEAD, "exec" }, "RESPONSES 1, KEPT 1, ADDED 1, exec 1" },
	{ "the end of the process", { "write=" HEAD, "exit" }, "RESPONSES 1, KEPT 1, ADDED 1, exit 1" },
	{ "name spaces",
	  { "write=" HEAD, "unshare", "write=*200", "await" },
	  "RESPONSES 1, KEPT 1, ADDED 1, privileges 1" },
	{ "a socket that is not connected", { "socket", "write=" HEAD }, "not-connected 1", .observed = "" },
	{ "a body that comes too late",
	  { "write=" HEAD, "sleep=200", "write=*200", "await" },
	  "RESPONSES 1, KEPT 1, ADDED 1, deadline 1",
	  .timeout = "1ms" },
	{ "a pause in the body",
	  { "write=" HEAD, "write=*50", "sleep=300", "write=*100", "write=*50", "await" },
	  "RESPONSES 1, KEPT 1, JOINED 1, FILLED 1, STALLS 1, pause 1",
	  .observed = "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, FILLED 2, STALLS 1",
	  .timeout = "1s" },
	{ "heads that are held in vain",
	  { "write=" HEAD, "sleep=200", "write=*200", "write=" HEAD, "sleep=200", "write=*200", "write=" HEAD,
	    "sleep=200", "write=*200", "await" },
	  "RESPONSES 3, KEPT 1, ADDED 1, in-vain 2, deadline 1",
	  .observed = "RESPONSES 3, KEPT 3, ADDED 3, deadline 3",
	  .timeout = "1ms" },
};
EACH_TEST(counted, reasons, ROWS(reasons), 60)
{
	check_counted(&reasons[*i]);
}

#ifndef UNDER_SANITIZER /* which makes system calls of its own */

/* --- what the kernel sees of a program that is observed ---------------------------------------- */

/* The names of the system calls that this run of p_steps makes from accept() on, one per line. */
static struct text system_calls(const char *const *steps, bool observe)
{
	char log[] = "/tmp/onewrite-strace-XXXXXX", line[1000];
	struct setup setup = { .args = { "/usr/bin/strace", "-f", "-qq", "-o", log, STEPS } };
	struct text names = { 0 };
	int fd = mkstemp(log);

	for (size_t s = 0; steps[s] != NULL; s++)
		setup.args[s + 6] = steps[s];
	if (observe) {
		setenv("ONEWRITE_OBSERVE", "1", 1);
		setenv("ONEWRITE_REPORT", "1", 1);
	}
	run_free(run(&setup, observe ? SHIM : BARE));
	unsetenv("ONEWRITE_OBSERVE");
	unsetenv("ONEWRITE_REPORT");
	FILE *f = fdopen(fd, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		char *name = strchr(line, ' ');

		while (name != NULL && *name == ' ')
			name++;
		if (name == NULL || (names.n == 0 && strncmp(name, "accept", 6) != 0))
			continue;
		name[strcspn(name, "(")] = '\n';
		text_add(&names, name, strcspn(name, "\n") + 1);
	}
	fclose(f);
	unlink(log);
	text_add(&names, "", 1);
	return names;
}

static const struct {
	const char *name, *steps[8];
} seen_by_the_kernel[] = {
	{ "a message", { BOTH_HALVES, "recv+MSG_DONTWAIT=1", BOTH_HALVES, "close" } },
	{ "no message", { "write=220 another protocol\r\n", "nodelay=1", "close" } },
	{ "pieces", { "write=" CHUNKED_HEAD, "writev/3=5\r\nhello\r\n", "send=0\r\n\r\n", "close" } },
	{ "descriptors", { "pass", "dup", "write=" HEAD, "SYS_close" } },
	{ "pipelined", { "write=" HEAD, "write=" BODY_100 BODY_100 "HTTP/1.1 304 Not Modified\r\n\r\n", "close" } },
	{ "a head behind a body", { BOTH_HALVES, "write=" HEAD, "sendfile=*200", "shutdown" } },
};

EACH_TEST(counted, observed_program_makes_its_own_system_calls_only, ROWS(seen_by_the_kernel), 60)
{
	struct text bare = system_calls(seen_by_the_kernel[*i].steps, false);
	struct text observed = system_calls(seen_by_the_kernel[*i].steps, true);
	char *end = strstr(bare.p, "exit_group");

	cr_assert(end != NULL && end - bare.p > 20, "%s: strace saw %s", seen_by_the_kernel[*i].name, bare.p);
	/* behind that comes the report */
	cr_expect(strncmp(bare.p, observed.p, (size_t)(end - bare.p)) == 0, "%s: bare\n%sobserved\n%s",
	          seen_by_the_kernel[*i].name, bare.p, observed.p);
	free(bare.p);
	free(observed.p);
}

#endif
