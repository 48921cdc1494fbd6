/* One row of the demo's table: starts a server, exchanges with it over one kept-alive connection, measures, ends it.
 *
 *	demo_client EXCHANGES COMMAND [ARGUMENT...]
 *
 * COMMAND says "... port N" on its stdout when it listens on 127.0.0.1. Prints on one line:
 *
 *	writes       write-type system calls per response, "?" where ptrace is forbidden, or the server has other
 *	             system calls than we (32 bits)
 *	segments     TCP segments with data per response
 *	median       of the time from the request's send to the response's last byte, in microseconds
 *	digest       of the response without its Date line
 *
 * The server runs twice. Segments and times are those of an undisturbed run; writes are counted in a second, shorter
 * run under ptrace, which sees what really reaches the kernel (a second preload would see what reaches libc). */
#include <linux/audit.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../scripts/probe/client.h"
#include "../../scripts/probe/measure.h"
#include "../../scripts/probe/sockets.h"

enum {
	EXCHANGES_MAX = 10000,
	EXCHANGES_TRACED = 20,
	START_SECONDS = 10, /* for the server to say its port */
	ANSWER_SECONDS = 2, /* for each response */
	TOTAL_SECONDS = 30,
};

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: demo\r\nAccept: */*\r\n\r\n";

static struct {
	pid_t pid;
	int out; /* its stdout: where it says its port */
	int err; /* its stderr: shown when something fails */
} server;

static struct {
	int exchanges;
	double segments; /* per response */
	uint64_t digest;
	double micros[EXCHANGES_MAX];
	atomic_bool running; /* writes count from the first request to the last byte of the last response */
	unsigned long writes;
	bool other_calls; /* the server's calls have the numbers of another word size */
} run;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	char said[2048];
	ssize_t n;
	va_list args;

	fputs("demo: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (server.pid > 0) {
		kill(server.pid, SIGKILL);
		if ((n = pread(server.err, said, sizeof said, 0)) > 0)
			fprintf(stderr, "demo: the server said:\n%.*s", (int)n, said);
	}
	exit(1);
}

/* --- the server ------------------------------------------------------------------------------- */

static void start_server(char **command, bool traced)
{
	int out[2];

	if (pipe(out) || (server.err = memfd_create("stderr", 0)) < 0)
		die("no pipe: %s", strerror(errno));
	server.out = out[0];
	if ((server.pid = fork()) < 0)
		die("no process: %s", strerror(errno));
	if (server.pid > 0) {
		close(out[1]);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never outlives us, however we end; survives exec */
	dup2(out[1], STDOUT_FILENO);
	dup2(server.err, STDERR_FILENO);
	close(out[0]);
	close(out[1]);
	close(server.err);
	if (traced) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(126); /* instead of the stop that follow_server() waits for */
		raise(SIGSTOP);
	}
	execvp(command[0], command);
	dprintf(STDERR_FILENO, "%s: %s\n", command[0], strerror(errno));
	_exit(127);
}

static uint16_t server_port(void)
{
	char said[4096];
	size_t have = 0;
	struct pollfd readable = { .fd = server.out, .events = POLLIN };

	while (have < sizeof said - 1) {
		ssize_t got;
		const char *port;

		if (poll(&readable, 1, START_SECONDS * 1000) <= 0)
			die("the server said no port within %d s", START_SECONDS);
		if ((got = read(server.out, said + have, sizeof said - 1 - have)) <= 0)
			die("the server ended before it said its port");
		have += (size_t)got;
		said[have] = '\0';
		if ((port = strstr(said, " port ")) && port[6 + strspn(port + 6, "0123456789")] != '\0')
			return (uint16_t)atoi(port + 6);
	}
	die("the server said much, but no port");
}

/* --- the exchanges ---------------------------------------------------------------------------- */

/* FNV-1a of all lines but the Date, which alone may differ between two answers to the same request. */
static uint64_t digest_response(const char *p)
{
	uint64_t digest = 14695981039346656037u;

	while (*p) {
		const char *next = strchrnul(p, '\n');

		if (*next)
			next++;
		if (strncasecmp(p, "Date:", 5) == 0)
			p = next;
		for (; p < next; p++)
			digest = (digest ^ (unsigned char)*p) * 1099511628211u;
	}
	return digest;
}

static void exchange(struct client *c, int number)
{
	struct response r = { 0 };
	char *text;
	size_t size;
	uint64_t from, digest;

	c->dump = open_memstream(&text, &size);
	from = now_ns(CLOCK_MONOTONIC);
	r.started_us = from / 1000;
	if (!send_all(c->fd, request, sizeof request - 1))
		die("request %d: %s", number, strerror(errno));
	if (!client_response(c, "GET", &r))
		die("request %d: %s", number, r.failure ? r.failure : "the server closed the connection");
	run.micros[number] = (double)(now_ns(CLOCK_MONOTONIC) - from) / 1e3;
	fclose(c->dump);
	if (r.status != 200 || !r.has_length)
		die("request %d: not an answer this demo understands:\n%s", number, text);
	if (c->used != c->have)
		die("request %d: %zu bytes more than the head announced", number, c->have - c->used);
	digest = digest_response(text);
	if (run.digest && run.digest != digest)
		die("request %d: not the answer that the request before it had:\n%s", number, text);
	run.digest = digest;
	free(text);
}

/* Runs in a thread of its own, because the thread that forked the server has to wait for it, traced or not. */
static void *exchange_all(void *unused)
{
	struct sockaddr_in there = loopback(server_port());
	struct client c = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		            .patience_ms = ANSWER_SECONDS * 1000 };

	set_patience(c.fd, c.patience_ms);
	if (connect(c.fd, (struct sockaddr *)&there, sizeof there))
		die("connect: %s", strerror(errno));

	atomic_store(&run.running, true);
	for (int i = 0; i < run.exchanges; i++)
		exchange(&c, i);
	atomic_store(&run.running, false);
	run.segments = (double)tcp_info_of(c.fd).tcpi_data_segs_in / run.exchanges;
	close(c.fd);
	kill(server.pid, SIGKILL);
	return unused;
}

/* --- the counting ----------------------------------------------------------------------------- */

static bool is_socket(pid_t pid, uint64_t fd)
{
	char path[64], target[16];

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)fd);
	ssize_t n = readlink(path, target, sizeof target);
	return n >= 7 && memcmp(target, "socket:", 7) == 0;
}

/* At a system call's entry: does it write to a socket? The server's log lines go elsewhere and do not count. */
static bool writes_socket(pid_t pid)
{
	struct __ptrace_syscall_info call;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	if (!(call.arch & __AUDIT_ARCH_64BIT) != (sizeof(long) == 4)) {
		run.other_calls = true;
		return false;
	}
	switch (call.entry.nr) {
	case SYS_write:
	case SYS_writev:
#ifdef SYS_send
	case SYS_send:
#endif
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_sendfile:
#ifdef SYS_sendfile64
	case SYS_sendfile64:
#endif
		return is_socket(pid, call.entry.args[0]);
	case SYS_splice: return is_socket(pid, call.entry.args[2]);
	default: return false;
	}
}

/* Takes hold of the traced server before its first step; false when ptrace is forbidden. */
static bool follow_server(void)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
	                     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	int status;

	return waitpid(server.pid, &status, 0) == server.pid && WIFSTOPPED(status) &&
	       ptrace(PTRACE_SETOPTIONS, server.pid, NULL, options) == 0 &&
	       ptrace(PTRACE_SYSCALL, server.pid, NULL, 0) == 0;
}

/* Follows the server, its threads and its children, until it ends. */
static void count_writes(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (pid == server.pid)
				return;
			continue;
		}
		int signal = WSTOPSIG(status);

		if (signal == (SIGTRAP | 0x80)) {
			if (atomic_load(&run.running) && writes_socket(pid))
				run.writes++;
			signal = 0;
		} else if (status >> 16 || signal == SIGSTOP) {
			signal = 0; /* an exec, a new thread, and the stop in which each of those begins */
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, (long)signal);
	}
}

/* --- one run ---------------------------------------------------------------------------------- */

static void measure(char **command, int exchanges, bool traced)
{
	pthread_t thread;

	memset(&run, 0, sizeof run);
	run.exchanges = exchanges;
	start_server(command, traced);
	if (!traced || follow_server()) {
		if (pthread_create(&thread, NULL, exchange_all, NULL))
			die("no thread");
		if (traced)
			count_writes();
		else
			waitpid(server.pid, NULL, 0);
		pthread_join(thread, NULL);
	}
	close(server.out);
	close(server.err);
	server.pid = 0;
}

int main(int argc, char **argv)
{
	int exchanges = argc > 2 ? atoi(argv[1]) : 0;

	if (exchanges < 1 || exchanges > EXCHANGES_MAX) {
		fprintf(stderr, "usage: demo_client EXCHANGES COMMAND [ARGUMENT...]\n");
		return 2;
	}
	alarm(TOTAL_SECONDS); /* ends the program if anything hangs */

	measure(argv + 2, exchanges, false);
	double segments = run.segments;
	double median = quantile(run.micros, (size_t)exchanges, 0.5);
	uint64_t digest = run.digest;
	char writes[32] = "?";

	measure(argv + 2, EXCHANGES_TRACED, true);
	if (run.writes > 0 && !run.other_calls)
		snprintf(writes, sizeof writes, "%.2f", (double)run.writes / EXCHANGES_TRACED);
	printf("%s %.2f %.1f %016llx\n", writes, segments, median, (unsigned long long)digest);
	return 0;
}
