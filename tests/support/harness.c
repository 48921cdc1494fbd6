#include "harness.h"
#include "library.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/tcp.h> /* its struct tcp_info counts segments, libc's does not */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
	DEADLINE_MS = 12000, /* for one run; Criterion's own is longer */
	DESCRIPTORS = 2048,
	COPIES = 1000,       /* the shim's own descriptors begin here, programs report theirs */
};

static void must(bool ok, const char *what)
{
	cr_assert(ok, "the harness itself: %s: %s", what, strerror(errno));
}

/* --- text ----------------------------------------------------------------------------------------------------- */

static void text_add(struct text *t, const char *p, size_t n)
{
	if (t->n + n >= t->room) {
		t->room = 2 * (t->n + n + 1);
		t->p = realloc(t->p, t->room);
		must(t->p != NULL, "realloc");
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

static void text_add_string(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

static void text_add_file(struct text *t, int fd)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) > 0)
		text_add(t, piece, (size_t)n);
}

/* --- the program ---------------------------------------------------------------------------------------------- */

struct stage { /* what stands between the program and its peer */
	const struct setup *setup;
	int listener, report[2], said[2], shared, log;
	char log_path[64];
	int client[CLIENTS_MAX];
	int clients;
	bool named[DESCRIPTORS]; /* by the program: its connections */
	struct run *run;
};

static void set_environment(const struct stage *s, enum behind behind)
{
	const char *library = library_under_test(), *recorder = BUILD_DIR "/tests/recorder.so";
	char preload[2 * PATH_MAX];

	snprintf(preload, sizeof preload, "%s%s%s", behind == SHIM ? library : "", behind == SHIM ? ":" : "", recorder);
	setenv("RECORDER_LOG", s->log_path, 1);
	setenv("ONEWRITE_HOLD", s->setup->hold != NULL ? s->setup->hold : "memory", 1);
	setenv("ONEWRITE_JOIN", s->setup->join != NULL ? s->setup->join : "header", 1);
	setenv("ONEWRITE_TIMEOUT", s->setup->timeout != NULL ? s->setup->timeout : HOLD_LONG, 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
	/* A helper that ended is joined by who starts the next; the first hold may be in a signal handler (docs/design.md). */
	setenv("TSAN_OPTIONS", "report_thread_leaks=0:report_signal_unsafe=0:atexit_sleep_ms=0:print_suppressions=0:suppressions="
		SOURCE_DIR "/tests/support/tsan.supp", 1);
	if (s->setup->faults != NULL && behind == SHIM)
		setenv("RECORDER_FAULTS", s->setup->faults, 1);
	setenv("LD_PRELOAD", preload, 1);
}

static void __attribute__((noreturn)) become_program(const struct stage *s, enum behind behind)
{
	static const int at[] = { 0, 1, 2, LISTENER_FD, REPORT_FD, SHARED_FD };
	int from[] = { open("/dev/null", O_RDONLY), s->said[1], s->said[1], s->listener, s->report[1], s->shared };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	for (size_t i = 0; i < 6; i++)
		from[i] = fcntl(from[i], F_DUPFD, 100); /* out of each other's way */
	for (size_t i = 0; i < 6; i++)
		dup2(from[i], at[i]);
	close_range(SHARED_FD + 1, ~0u, 0);
	signal(SIGPIPE, SIG_DFL);
	set_environment(s, behind);
	execv(s->setup->args[0], (char **)s->setup->args);
	dprintf(2, "cannot run %s: %s\n", s->setup->args[0], strerror(errno));
	_exit(127);
}

/* --- the peer ------------------------------------------------------------------------------------------------- */

static int stream_socket(const struct stage *s, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, s->setup->listener == ON_MPTCP ? IPPROTO_MPTCP : 0);

	must(fd >= 0, s->setup->listener == ON_MPTCP ? "socket: MPTCP (net.mptcp.enabled)" : "socket");
	return fd;
}

/* Listens; *at is where the peer is to connect to. */
static void open_listener(struct stage *s, struct sockaddr_storage *at, socklen_t *size)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	bool is_six = s->setup->listener == ON_IPV6 || s->setup->listener == ON_MAPPED;

	s->listener = stream_socket(s, is_six ? AF_INET6 : AF_INET);
	must((is_six ? bind(s->listener, (struct sockaddr *)&six, sizeof six)
		: bind(s->listener, (struct sockaddr *)&four, sizeof four)) == 0 && listen(s->listener, 16) == 0, "listen");
	*size = sizeof *at;
	getsockname(s->listener, (struct sockaddr *)at, size);
	if (s->setup->listener == ON_IPV6)
		((struct sockaddr_in6 *)at)->sin6_addr = in6addr_loopback;
	else if (s->setup->listener == ON_MAPPED) {
		four.sin_port = ((struct sockaddr_in6 *)at)->sin6_port;
		memcpy(at, &four, *size = sizeof four);
	}
}

static void open_stage(struct stage *s)
{
	struct sockaddr_storage at;
	socklen_t size;
	int small = 4096;

	open_listener(s, &at, &size);
	must(pipe2(s->report, O_DIRECT | O_CLOEXEC) == 0 && pipe2(s->said, O_CLOEXEC) == 0, "pipe");
	s->shared = memfd_create("shared", MFD_CLOEXEC);
	must(ftruncate(s->shared, sizeof(struct shared)) == 0, "memfd");
	s->run->shared = shared_map(s->shared);
	snprintf(s->log_path, sizeof s->log_path, "/tmp/onewrite-calls-XXXXXX");
	s->log = mkstemp(s->log_path);
	must(s->log >= 0, s->log_path);
	s->clients = s->setup->clients == 0 ? 1 : s->setup->clients < 0 ? 0 : s->setup->clients;
	for (int i = 0; i < s->clients; i++) {
		s->client[i] = stream_socket(s, at.ss_family);
		if (s->setup->gulp != 0)
			setsockopt(s->client[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
		must(connect(s->client[i], (struct sockaddr *)&at, size) == 0, "connect");
		if (s->setup->request != NULL)
			must(send(s->client[i], s->setup->request, strlen(s->setup->request), MSG_NOSIGNAL) > 0,
				"send");
	}
}

static void hang_up(struct stage *s, int i)
{
	close(s->client[i]);
	s->client[i] = -1;
}

static void obey(struct stage *s, const char *packet, size_t n)
{
	struct linger reset = { 1, 0 };
	int fd;

	if (packet[0] == '>')
		must(send(s->client[0], packet + 1, n - 1, MSG_NOSIGNAL) == (ssize_t)n - 1, "send");
	else if (strcmp(packet, "!reset") == 0) {
		setsockopt(s->client[0], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		hang_up(s, 0);
	} else if (sscanf(packet, "fd=%d", &fd) == 1 && fd >= 0 && fd < DESCRIPTORS)
		s->named[fd] = true;
	else
		text_add(&s->run->results, packet, n);
}

/* Returns false at the end. */
static bool hear_report(struct stage *s)
{
	char packet[4097];
	ssize_t n = read(s->report[0], packet, sizeof packet - 1);

	if (n <= 0)
		return false;
	packet[n] = '\0';
	obey(s, packet, (size_t)n);
	return true;
}

static unsigned segments_received(int fd)
{
	struct tcp_info info = { .tcpi_data_segs_in = 0 };
	socklen_t size = sizeof info;

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info.tcpi_data_segs_in;
}

static void hear_client(struct stage *s, int i)
{
	static char piece[65536];
	struct run *r = s->run;
	ssize_t n;

	if (s->setup->late_acks) /* every delayed ACK makes the kernel prompt again */
		setsockopt(s->client[i], IPPROTO_TCP, TCP_QUICKACK, &(int){ 0 }, sizeof(int));
	n = recv(s->client[i], piece, s->setup->gulp != 0 ? s->setup->gulp : sizeof piece, 0);
	if (n <= 0) {
		if (i == 0)
			r->segments = segments_received(s->client[0]);
		hang_up(s, i);
		return;
	}
	text_add(&r->bytes[i], piece, (size_t)n);
	atomic_fetch_add(&r->shared->received, (uint64_t)n);
	if (i == 0) {
		r->arrivals = realloc(r->arrivals, (r->arrived + 1) * sizeof *r->arrivals);
		r->arrivals[r->arrived++] = (struct arrival){ now_ns(), r->bytes[0].n };
	}
	if (s->setup->gulp != 0)
		sleep_us(1000);
}

static void hear_listener(struct stage *s)
{
	s->client[s->clients] = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	must(s->client[s->clients++] >= 0, "accept");
	if (s->setup->request != NULL)
		send(s->client[0], s->setup->request, strlen(s->setup->request), MSG_NOSIGNAL);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Until the program and all its children are gone and every connection has ended. */
static bool play_peer(struct stage *s)
{
	int64_t until = now_ns() + DEADLINE_MS * INT64_C(1000000);

	if (s->setup->clients >= 0)
		shut(&s->listener);
	for (;;) {
		struct pollfd p[CLIENTS_MAX + 3] = { { s->report[0], POLLIN, 0 }, { s->said[0], POLLIN, 0 },
			{ s->setup->clients < 0 && s->clients == 0 ? s->listener : -1, POLLIN, 0 } };
		int left = (int)((until - now_ns()) / 1000000), open = 0;
		char piece[1024];
		ssize_t n;

		for (int i = 0; i < s->clients; i++) {
			p[3 + i] = (struct pollfd){ s->client[i], POLLIN, 0 };
			open += s->client[i] >= 0;
		}
		if (s->report[0] < 0 && s->said[0] < 0 && open == 0)
			return true;
		if (left <= 0 || poll(p, 3 + (nfds_t)s->clients, left) <= 0)
			return false;
		for (int i = 0; i < s->clients; i++)
			if (p[3 + i].revents != 0)
				hear_client(s, i);
		if (p[0].revents != 0 && !hear_report(s))
			shut(&s->report[0]);
		if (p[1].revents != 0) {
			if ((n = read(s->said[0], piece, sizeof piece)) > 0)
				text_add(&s->run->said, piece, (size_t)n);
			else
				shut(&s->said[0]);
		}
		if (p[2].revents != 0)
			hear_listener(s);
	}
}

/* "writev fd=5 iov=2 ..." becomes "writev iov=2 ...", and only the program's connections count: the descriptors that it
 * named, and what was made of them by F_DUPFD for as long as it is open. A thread is made on no descriptor, and counts. */
static void keep_call(struct stage *s, const char *line)
{
	const char *number = strstr(line, " fd="), *rest = number;
	int fd = number == NULL ? -1 : (int)strtol(number + 4, (char **)&rest, 10), copy;

	if (strncmp(line, "pthread_create ", 15) != 0 && (fd < 0 || fd >= DESCRIPTORS || !s->named[fd]))
		return;
	text_add(&s->run->calls, line, (size_t)(number - line));
	text_add_string(&s->run->calls, rest);
	text_add_string(&s->run->calls, "\n");
	if (sscanf(line, "F_DUPFD fd=%*d %*d = %d", &copy) == 1 && copy >= COPIES && copy < DESCRIPTORS)
		s->named[copy] = true;
	if (strncmp(line, "close ", 6) == 0 && fd >= COPIES)
		s->named[fd] = false;
}

static void keep_calls(struct stage *s)
{
	struct text log = { NULL, 0 };
	char *rest, *line;

	text_add_file(&log, s->log);
	for (line = log.p == NULL ? NULL : strtok_r(log.p, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n",
		&rest))
		keep_call(s, line);
	free(log.p);
}

struct run *run(const struct setup *setup, enum behind behind)
{
	struct run *r = calloc(1, sizeof *r);
	struct stage s = { .setup = setup, .run = r };
	pid_t pid;

	cr_assert(access(library_under_test(), R_OK) == 0 && access(BUILD_DIR "/tests/recorder.so", R_OK) == 0,
		"the library (%s) or the recorder has not been built", library_under_test());
	open_stage(&s);
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		become_program(&s, behind);
	shut(&s.report[1]);
	shut(&s.said[1]);
	if (!play_peer(&s)) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		waitpid(pid, &r->status, 0);
		r->status = -1;
	} else
		waitpid(pid, &r->status, 0);
	keep_calls(&s);
	for (int i = 0; i < s.clients; i++)
		shut(&s.client[i]);
	shut(&s.listener);
	shut(&s.report[0]);
	shut(&s.said[0]);
	close(s.shared);
	close(s.log);
	unlink(s.log_path);
	for (int i = 0; i < CLIENTS_MAX; i++)
		text_add_string(&r->bytes[i], "");
	text_add_string(&r->results, "");
	text_add_string(&r->said, "");
	text_add_string(&r->calls, "");
	return r;
}

void run_free(struct run *r)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		free(r->bytes[i].p);
	free(r->results.p);
	free(r->said.p);
	free(r->calls.p);
	free(r->arrivals);
	munmap(r->shared, sizeof *r->shared);
	free(r);
}

/* --- comparing ------------------------------------------------------------------------------------------------ */

static bool is_output(const char *call, size_t n)
{
	static const char *const names[] = { "write", "writev", "send", "sendto", "sendmsg", "sendmmsg", "sendfile",
		"sendfile64", "splice" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && memcmp(names[i], call, n) == 0)
			return true;
	return false;
}

/* Is there a pattern for calls of this name? "close" in "s* bytes=100*, close = 0". */
static bool mentions(const char *expected, const char *name, size_t n)
{
	for (const char *p = expected; p != NULL; p = strstr(p, ", "), p = p == NULL ? NULL : p + 2)
		if (strncmp(p, name, n) == 0 && (p[n] == ' ' || p[n] == '*'))
			return true;
	return false;
}

char *calls_of(const struct run *r, const char *expected)
{
	struct text kept = { NULL, 0 };

	text_add_string(&kept, "");
	for (const char *line = r->calls.p; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t name = strcspn(line, " ");
		if (!is_output(line, name) && !mentions(expected, line, name))
			continue;
		text_add_string(&kept, kept.n == 0 ? "" : ", ");
		text_add(&kept, line, strcspn(line, "\n"));
	}
	return kept.p;
}

int calls_like(const struct run *r, const char *pattern)
{
	char line[256];
	int n = 0;

	for (const char *p = r->calls.p; *p != '\0'; p += strcspn(p, "\n") + 1) {
		snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
		n += fnmatch(pattern, line, FNM_EXTMATCH) == 0;
	}
	return n;
}

static bool next_call(const char **list, char *one, size_t size)
{
	const char *end = strstr(*list, ", ");
	int n = end != NULL ? (int)(end - *list) : (int)strlen(*list);

	snprintf(one, size, "%.*s", n, *list);
	*list += end != NULL ? n + 2 : n;
	return n > 0;
}

/* Call by call: each is matched by its own pattern. */
static bool calls_match(const char *calls, const char *expected)
{
	char call[256], pattern[256];

	if (strcmp(expected, ANY_CALLS) == 0)
		return true;
	for (;;) {
		bool more = next_call(&calls, call, sizeof call);
		if (next_call(&expected, pattern, sizeof pattern) != more)
			return false;
		if (!more)
			return true;
		if (fnmatch(pattern, call, FNM_EXTMATCH) != 0)
			return false;
	}
}

void compare_runs(const char *name, const struct run *bare, const struct run *shim, const char *results)
{
	cr_expect(bare->status != -1, "%s: the bare run hung (it reported: %s)", name, bare->results.p);
	cr_expect(shim->status != -1, "%s: hung behind the shim (it reported: %s; calls: %s)", name, shim->results.p,
		shim->calls.p);
	cr_expect(shim->status == bare->status, "%s: ended with wait status %#x, bare with %#x", name,
		(unsigned)shim->status, (unsigned)bare->status);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		const struct text *got = &shim->bytes[i], *want = &bare->bytes[i];
		size_t same = 0;
		while (same < got->n && same < want->n && got->p[same] == want->p[same])
			same++;
		cr_expect(same == want->n && same == got->n,
			"%s: connection %d: the peer got %zu bytes, bare %zu, equal up to %zu; "
			"then \"%.40s\", bare \"%.40s\"; calls: %.600s",
			name, i, got->n, want->n, same, got->p + same, want->p + same, shim->calls.p);
	}
	cr_expect(strcmp(shim->results.p, results != NULL ? results : bare->results.p) == 0,
		"%s: the program saw\n%sinstead of\n%scalls:\n%.1000s", name, shim->results.p,
		results != NULL ? results : bare->results.p, shim->calls.p);
	cr_expect(strcmp(shim->said.p, bare->said.p) == 0, "%s: printed \"%s\", bare \"%s\"", name, shim->said.p,
		bare->said.p);
}

struct run *check_same(const char *name, const struct setup *setup)
{
	struct run *bare = run(setup, BARE), *shim = run(setup, SHIM);

	compare_runs(name, bare, shim, NULL);
	run_free(bare);
	return shim;
}

static struct setup setup_of(const struct scenario *s)
{
	struct setup setup = { .args = { STEPS }, .timeout = s->timeout, .faults = s->faults, .request = s->request,
		.clients = s->clients, .hold = s->hold, .join = s->join, .listener = s->listener };

	for (size_t i = 0; i + 1 < ARGS_MAX && s->steps[i] != NULL; i++)
		setup.args[i + 1] = s->steps[i];
	return setup;
}

/* The message before: its steps, its bytes, and what the program sees. */
#define BEFORE_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"
static const char *const before[] = { "writeall=" BEFORE_HEAD, "writeall=*200" };
enum { BEFORE = sizeof before / sizeof *before, BEFORE_BYTES = sizeof BEFORE_HEAD - 1 + 200 };

/* Behind the calls that sent them. */
static const char *behind_the_first(const char *calls)
{
	char call[256];
	for (long sent = 0; sent < BEFORE_BYTES && next_call(&calls, call, sizeof call);)
		sent += atol(strrchr(call, '=') + 1);
	return calls;
}

static void compare_calls(const struct scenario *s, const struct run *bare, const struct run *shim, bool behind)
{
	char *got = calls_of(shim, s->calls), *want = s->calls != NULL ? strdup(s->calls) : calls_of(bare, NULL);
	const char *g = behind ? behind_the_first(got) : got, *w = behind && s->calls == NULL ? behind_the_first(want) : want;

	if (s->calls != NULL ? !calls_match(g, w) : strcmp(g, w) != 0)
		cr_expect(false, "%s: the calls that reached libc are\n\t%s\nand not\n\t%s", s->name, g, w);
	cr_expect(s->segments == 0 || behind || shim->segments == s->segments, "%s: %u segments, wanted %u; calls: %s", s->name,
		shim->segments, s->segments, got);
	free(got);
	free(want);
}

void check_scenario(const struct scenario *s)
{
	struct setup setup = setup_of(s);
	struct run *bare = run(&setup, BARE), *shim = run(&setup, SHIM);

	compare_runs(s->name, bare, shim, s->results);
	compare_calls(s, bare, shim, false);
	run_free(bare);
	run_free(shim);
}

/* The call that a fault is meant for comes one later. */
static const char *faults_behind(const struct scenario *s, char *to, size_t size)
{
	const char *first = s->hold != NULL && strcmp(s->hold, "kernel") == 0 ? "send:" : "writev:", *from = s->faults;
	size_t n = 0;

	if (from == NULL)
		return NULL;
	while (*from != '\0' && n < size) {
		size_t name = strcspn(from, ":") + 1, rest;
		bool shifts = strncmp(from, first, name) == 0 && from[name] >= '1' && from[name] <= '9';

		n += (size_t)snprintf(to + n, size - n, "%.*s", (int)name, from);
		from += name;
		if (shifts)
			n += (size_t)snprintf(to + n, size - n, "%ld", strtol(from, (char **)&from, 10) + 1);
		rest = strcspn(from, ",");
		rest += from[rest] == ',';
		n += (size_t)snprintf(to + n, size - n, "%.*s", (int)rest, from);
		from += rest;
	}
	return to;
}

void check_scenario_behind_another(const struct scenario *s)
{
	struct setup setup = setup_of(s);
	struct run *bare, *shim;
	const char **at = setup.args + 1;
	char faults[512], *results = NULL;

	at += s->steps[0] != NULL && strcmp(s->steps[0], "connect") == 0;
	memmove(at + BEFORE, at, (size_t)(setup.args + ARGS_MAX - BEFORE - at) * sizeof *at);
	memcpy(at, before, sizeof before);
	setup.faults = faults_behind(s, faults, sizeof faults);
	if (s->results != NULL && asprintf(&results, "writeall = %zu\nwriteall = 200\n%s", sizeof BEFORE_HEAD - 1, s->results) < 0)
		abort();
	bare = run(&setup, BARE);
	shim = run(&setup, SHIM);
	compare_runs(s->name, bare, shim, results);
	compare_calls(s, bare, shim, true);
	free(results);
	run_free(bare);
	run_free(shim);
}

/* Results of a row's own are those of its own mode: elsewhere only the bytes count then. */
void check_scenario_elsewhere(const struct scenario *s)
{
	static const char *const modes[][2] = { { "memory", "header" }, { "memory", "message" },
		{ "kernel", "header" }, { "kernel", "message" } };
	struct setup setup = setup_of(s);
	struct run *bare, *shim;
	char name[160];

	bare = run(&setup, BARE);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(modes[i][0], s->hold != NULL ? s->hold : "memory") == 0 &&
			strcmp(modes[i][1], s->join != NULL ? s->join : "header") == 0)
			continue;
		setup.hold = modes[i][0];
		setup.join = modes[i][1];
		snprintf(name, sizeof name, "%s, hold %s, join %s", s->name, setup.hold, setup.join);
		shim = run(&setup, SHIM);
		compare_runs(name, bare, shim, s->results != NULL ? shim->results.p : NULL);
		run_free(shim);
	}
	run_free(bare);
}
