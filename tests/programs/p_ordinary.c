/* p_ordinary WHAT has a thread with unusual scheduling attributes write heads and so start the helper, for
 * tests/preload/ordinary.c. It reports whether the heads come in time, and which attributes the helper has. The program
 * plays the peer itself, because another process might have to wait for the CPU. */
#include "number.h"
#include "p_pairs.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#ifdef UNDER_SANITIZER
enum { IN_TIME_MS = 14 };
#else
enum { IN_TIME_MS = 7 };
#endif
enum { ROUNDS = 5, WAIT_MS = 25 };

static const char *what;
static cpu_set_t at_start;

static bool is(const char *name)
{
	return strcmp(what, name) == 0;
}

/* If `ok` is false, the kernel does not allow this here: the test is told to skip the row. */
static void want(bool ok, const char *why)
{
	if (ok)
		return;
	report("not here: %s: %s\n", why, strerrorname_np(errno));
	exit(0);
}

static void pin_to_one(void)
{
	cpu_set_t one;
	int last = CPU_SETSIZE - 1;

	while (!CPU_ISSET(last, &at_start))
		last--;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	must(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

static void choose(int policy, int priority)
{
	struct sched_param p = { .sched_priority = priority };

	want(syscall(SYS_sched_setscheduler, 0, policy, &p) == 0, "sched_setscheduler");
}

static void narrow(void)
{
	if (is("fifo") || is("round-robin") || is("pinned"))
		pin_to_one();
	if (is("fifo"))
		choose(SCHED_FIFO | SCHED_RESET_ON_FORK, 10);
	else if (is("round-robin"))
		choose(SCHED_RR, 10);
	else if (is("batch"))
		choose(SCHED_BATCH, 0);
	else if (is("idle")) {
		choose(SCHED_IDLE, 0);
		choose(SCHED_OTHER, 0); /* tests that this is allowed; not every user may leave SCHED_IDLE */
		choose(SCHED_IDLE, 0);
	} else if (is("idle user")) {
		must(getuid() != 0 || setuid(65534) == 0, "setuid");
		choose(SCHED_IDLE, 0);
	}
	if (is("slack"))
		must(prctl(PR_SET_TIMERSLACK, 1000000000UL) == 0, "PR_SET_TIMERSLACK");
	else if (is("nice"))
		want(setpriority(PRIO_PROCESS, (id_t)getpid(), 0) == 0 &&
		             setpriority(PRIO_PROCESS, (id_t)gettid(), 15) == 0 &&
		             setpriority(PRIO_PROCESS, (id_t)gettid(), 10) == 0,
		     "setpriority");
}

/* The timer slack of a thread in ns; -1: this user may not see it. */
static long slack_of(pid_t tid)
{
	char path[64];
	long ns = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/timerslack_ns", tid);
	f = fopen(path, "r");
	must(f != NULL, path);
	if (fscanf(f, "%ld", &ns) != 1)
		ns = -1;
	fclose(f);
	return ns;
}

static void look_at(pid_t tid)
{
	struct sched_param p;
	cpu_set_t cpus;

	must(sched_getaffinity(tid, sizeof cpus, &cpus) == 0 && syscall(SYS_sched_getparam, tid, &p) == 0,
	     "looking at the helper");
	report("policy: %d, nicer than the process: %d, all CPUs: %d, slack: %ld\n",
	       (int)syscall(SYS_sched_getscheduler, tid),
	       getpriority(PRIO_PROCESS, (id_t)tid) > getpriority(PRIO_PROCESS, (id_t)getpid()),
	       CPU_EQUAL(&cpus, &at_start), slack_of(tid));
}

static pid_t creator;

/* Looks at each thread that the program did not make. */
static void look_at_the_helper(void)
{
	DIR *d = opendir("/proc/self/task");

	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		int task = number_of_entry(e->d_name);

		if (task > 0 && task != getpid() && task != creator)
			look_at(task);
	}
	closedir(d);
}

/* Waits until n bytes have come, and returns how many ns after `start` they had; INT64_MAX: not within WAIT_MS. A
 * real-time thread does not give up its CPU meanwhile. */
static int64_t await(int client, size_t n, int64_t start)
{
	char got[HEAD_SIZE + BODY_SIZE];
	int64_t now = start;

	while (n > 0 && now < start + WAIT_MS * MS) {
		long r = unseen(SYS_recvfrom, client, (long)got, (long)n, MSG_DONTWAIT, 0, 0);

		n -= r > 0 ? (size_t)r : 0;
		if (n > 0 && !is("fifo") && !is("round-robin") && !is("real-time"))
			poll(&(struct pollfd){ client, POLLIN, 0 }, 1, WAIT_MS);
		now = now_ns();
	}
	return n == 0 ? now - start : INT64_MAX;
}

static void *write_heads(void *argument)
{
	const struct pair *p = argument;
	char body[BODY_SIZE];
	int in_time = 0;

	creator = gettid();
	memset(body, 'b', sizeof body);
	narrow();
	for (int i = 0; i < ROUNDS; i++) {
		int64_t start = now_ns();

		write_head(p->fd);
		bool came = await(p->client, HEAD_SIZE, start) <= IN_TIME_MS * MS;

		in_time += came;
		write_whole(p->fd, body, sizeof body);
		await(p->client, came ? BODY_SIZE : HEAD_SIZE + BODY_SIZE, now_ns());
	}
	report("in time: %d\n", in_time > ROUNDS / 2);
	look_at_the_helper();
	return NULL;
}

/* p_ordinary only WHAT: executes p_ordinary WHAT as a real-time process that has one CPU from its start. */
static void begin_again(char **argv)
{
	sched_getaffinity(0, sizeof at_start, &at_start);
	pin_to_one();
	choose(SCHED_FIFO, 10);
	execv("/proc/self/exe", argv + 1);
	must(false, "execv");
}

int main(int argc, char **argv)
{
	pthread_t thread;
	struct pair p;

	shared = shared_map(SHARED_FD);
	what = argc > 1 ? argv[1] : "";
	if (is("only"))
		begin_again(argv);
	sched_getaffinity(0, sizeof at_start, &at_start);
	p = pair_of(listen_here(), 0);
	must(pthread_create(&thread, NULL, write_heads, &p) == 0, "pthread_create");
	pthread_join(thread, NULL);
	return 0;
}
