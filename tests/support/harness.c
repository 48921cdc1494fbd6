/* Runs a program, bare or under the library, and plays its peer. */
#include "harness.h"
#include "left_out.h"
#include "library.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/tcp.h> /* its struct tcp_info counts segments, the one of libc does not */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
#ifdef EMULATOR
	DEADLINE_MS = 50000,
#else
	DEADLINE_MS = 12000, /* for one run; Criterion's own timeout is longer */
#endif
	DESCRIPTORS = 1 << 21,
	COPIES = 1000, /* copies by F_DUPFD from this number on are followed as well; programs use lower ones */
};

static void must(bool ok, const char *what)
{
	cr_assert(ok, "the harness itself: %s: %s", what, strerror(errno));
}

/* --- the program ------------------------------------------------------------------------------ */

struct stage { /* what stands between the program and its peer */
	const struct setup *setup;
	int listener, report[2], said[2], shared, log;
	char log_path[64];
	int client[CLIENTS_MAX];
	int clients;
	bool named[DESCRIPTORS]; /* the connections that the program has reported */
	struct run *run;
};

#ifdef EMULATOR /* the emulator runs the program, and only the program gets the preload */
static const char *const emulator[] = { EMULATOR, "-E", "LD_PRELOAD" };
enum { EMULATORS = sizeof emulator / sizeof *emulator };

static void __attribute__((noreturn)) execute(const char *const *args)
{
	const char *all[EMULATORS + ARGS_MAX + 1] = { NULL };
	char preload[5 * PATH_MAX];

	memcpy(all, emulator, sizeof emulator);
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("LD_PRELOAD"));
	all[EMULATORS - 1] = preload;
	for (size_t i = 0; args[i] != NULL; i++)
		all[EMULATORS + i] = args[i];
	unsetenv("LD_PRELOAD");
	execvp(all[0], (char **)all);
	dprintf(2, "cannot run %s: %s\n", all[0], strerror(errno));
	_exit(127);
}
#else
static void __attribute__((noreturn)) execute(const char *const *args)
{
	execv(args[0], (char **)args);
	dprintf(2, "cannot run %s: %s\n", args[0], strerror(errno));
	_exit(127);
}
#endif

static void append(char list[4 * PATH_MAX], const char *word)
{
	snprintf(list + strlen(list), 4 * PATH_MAX - strlen(list), "%s%s", *list != '\0' ? ":" : "", word);
}

/* LD_PRELOAD is split at blanks. For a path with a blank the directory goes into LD_LIBRARY_PATH, and the bare name
 * into LD_PRELOAD. */
static void preload_file(char preload[4 * PATH_MAX], char directories[4 * PATH_MAX], const char *file)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(file, '/');

	if (strchr(file, ' ') != NULL && slash != NULL && *file == '/') {
		snprintf(directory, sizeof directory, "%.*s", (int)(slash - file), file);
		append(directories, directory);
		file = slash + 1;
	}
	append(preload, file);
}

static void set_environment(const struct stage *s, enum behind behind)
{
	const char *library = library_under_test(), *recorder = BUILD_DIR "/tests/recorder.so";
	const char *const in_order[] = { s->setup->front, behind == SHIM ? library : NULL, s->setup->behind, recorder };
	char preload[4 * PATH_MAX] = "", directories[4 * PATH_MAX] = "";

	for (size_t i = 0; i < sizeof in_order / sizeof *in_order; i++)
		if (in_order[i] != NULL)
			preload_file(preload, directories, in_order[i]);
	if (*directories != '\0')
		setenv("LD_LIBRARY_PATH", directories, 1);
	setenv("RECORDER_LOG", s->log_path, 1);
	setenv("ONEWRITE_HOLD", s->setup->hold != NULL ? s->setup->hold : "memory", 1);
	setenv("ONEWRITE_JOIN", s->setup->join != NULL ? s->setup->join : "header", 1);
	setenv("ONEWRITE_TIMEOUT", s->setup->timeout != NULL ? s->setup->timeout : HOLD_LONG, 1);
	setenv("ASAN_OPTIONS", ASAN_SETTINGS, 1);
	/* A helper that has ended is joined by the thread that starts the next one, which may never happen; and the
	 * first hold may be made in a signal handler (docs/design.md). */
	setenv("TSAN_OPTIONS",
	       "report_thread_leaks=0:report_signal_unsafe=0:atexit_sleep_ms=0:print_suppressions=0:"
	       "suppressions=" SOURCE_DIR "/tests/support/tsan.supp",
	       1);
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
		from[i] = fcntl(from[i], F_DUPFD, 100); /* out of the way of the numbers that dup2 sets */
	for (size_t i = 0; i < 6; i++)
		dup2(from[i], at[i]);
	closefrom(SHARED_FD + 1);
	signal(SIGPIPE, SIG_DFL);
	set_environment(s, behind);
	execute(s->setup->args);
}

/* --- the peer --------------------------------------------------------------------------------- */

static int stream_socket(const struct stage *s, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, s->setup->listener == ON_MPTCP ? IPPROTO_MPTCP : 0);

	must(fd >= 0, s->setup->listener == ON_MPTCP ? "socket: MPTCP (net.mptcp.enabled)" : "socket");
	return fd;
}

/* Opens the listener; *at is the address that the peer is to connect to. */
static void open_listener(struct stage *s, struct sockaddr_storage *at, socklen_t *size)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	bool is_six = s->setup->listener == ON_IPV6 || s->setup->listener == ON_MAPPED;

	s->listener = stream_socket(s, is_six ? AF_INET6 : AF_INET);
	must((is_six ? bind(s->listener, (struct sockaddr *)&six, sizeof six)
	             : bind(s->listener, (struct sockaddr *)&four, sizeof four)) == 0 &&
	             listen(s->listener, 16) == 0,
	     "listen");
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

/* Returns false at the end of the report. */
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

/* Converts a number in the shared memory between this machine's byte order and the program's. */
#ifdef EMULATED_BIG_ENDIAN
#define THEIRS(n) __builtin_bswap64(n)
#else
#define THEIRS(n) (n)
#endif

static void turn_shared(struct shared *s)
{
	uint64_t *each = (uint64_t *)s;
	for (size_t i = 0; i < sizeof *s / sizeof *each; i++)
		each[i] = THEIRS(each[i]);
}

static void hear_client(struct stage *s, int i)
{
	static char piece[65536];
	struct run *r = s->run;
	ssize_t n;

	if (s->setup->late_acks) /* each delayed ACK makes the kernel acknowledge promptly again */
		setsockopt(s->client[i], IPPROTO_TCP, TCP_QUICKACK, &(int){ 0 }, sizeof(int));
	n = recv(s->client[i], piece, s->setup->gulp != 0 ? s->setup->gulp : sizeof piece, 0);
	if (n <= 0) {
		if (i == 0)
			r->segments = segments_received(s->client[0]);
		hang_up(s, i);
		return;
	}
	text_add(&r->bytes[i], piece, (size_t)n);
	atomic_store(&r->shared->received, THEIRS(THEIRS(atomic_load(&r->shared->received)) + (uint64_t)n));
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

/* Plays the peer until the program and all its children are gone and every connection has ended. Returns false if that
 * takes longer than DEADLINE_MS. */
static bool play_peer(struct stage *s)
{
	int64_t until = now_ns() + DEADLINE_MS * INT64_C(1000000);

	if (s->setup->clients >= 0)
		shut(&s->listener);
	for (;;) {
		struct pollfd p[CLIENTS_MAX + 3] = { { s->report[0], POLLIN, 0 },
			                             { s->said[0], POLLIN, 0 },
			                             { s->setup->clients < 0 && s->clients == 0 ? s->listener : -1,
			                               POLLIN, 0 } };
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

/* Keeps "writev fd=5 iov=2 ..." as "writev iov=2 ...". Only calls on the program's connections count: on the
 * descriptors that it reported, and on copies of those for as long as they are open. Creating a thread concerns no
 * descriptor, and counts. */
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
	for (line = log.p == NULL ? NULL : strtok_r(log.p, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		keep_call(s, line);
	free(log.p);
}

struct run *run(const struct setup *setup, enum behind behind)
{
	struct run *r = calloc(1, sizeof *r);
	struct stage s = { .setup = setup, .run = r };
	pid_t pid;

	leave_out(setup->args);
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
	turn_shared(r->shared);
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
