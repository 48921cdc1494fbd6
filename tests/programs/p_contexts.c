/* p_contexts coroutines [cancel] | urgent CALL | handler WAY leaves a write by a switch of contexts, or by a signal
 * handler, or has a real-time thread wait for it, for tests/preload/contexts.c. */
#include "p_pairs.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

static const char *how;

/* --- coroutines ------------------------------------------------------------------------------- */

/* Two coroutines share a thread. A timer switches from one to the other in the middle of their writes; afterwards the
 * thread ends. A lock that remembers only its thread would take the two for one owner. */
enum { COROUTINES = 2, STACK = 256 * 1024, BODY = 300000 };

static struct routine {
	ucontext_t context;
	struct pair pair;
	bool done;
	size_t came;
	char stack[STACK] __attribute__((aligned(16)));
} routines[COROUTINES];

static ucontext_t scheduler;
static int current = -1;

static void tick(int number)
{
	int was = current;

	(void)number;
	if (was < 0 || routines[!was].done)
		return;
	current = !was;
	swapcontext(&routines[was].context, &routines[!was].context);
}

static void write_one_message(int i)
{
	static char body[BODY];
	const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
	sigset_t mask;

	write_whole(routines[i].pair.fd, head, strlen(head));
	for (size_t done = 0; done < BODY;) {
		ssize_t r = write(routines[i].pair.fd, body + done, BODY - done);

		done += r > 0 ? (size_t)r : 0;
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	routines[i].done = true;
	current = routines[!i].done ? -1 : !i;
	setcontext(current < 0 ? &scheduler : &routines[current].context);
}

static void make_coroutines(void)
{
	for (int i = 0; i < COROUTINES; i++) {
		struct routine *r = &routines[i];

		getcontext(&r->context);
		sigdelset(&r->context.uc_sigmask, SIGALRM);
		r->context.uc_stack.ss_sp = r->stack;
		r->context.uc_stack.ss_size = STACK;
		r->context.uc_link = &scheduler;
		makecontext(&r->context, (void (*)(void))write_one_message, 1, i);
	}
}

static void *run_coroutines(void *argument)
{
	static volatile bool back;
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } }, never = { { 0, 0 }, { 0, 0 } };

	make_coroutines();
	setitimer(ITIMER_REAL, &often, NULL);
	getcontext(&scheduler);
	if (!back) {
		back = true;
		current = 0;
		setcontext(&routines[0].context);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	for (int i = 0; i < COROUTINES; i++) {
		memset(routines[i].stack, 0x5a, STACK); /* overwrites whatever the library had on these stacks */
		close(routines[i].pair.fd);
	}
	pthread_exit(argument);
}

static void *read_late(void *argument)
{
	struct routine *r = argument;
	char piece[65536];
	long n;

	sleep_us(r == routines ? 150000 : 300000);
	while ((n = unseen(SYS_read, r->pair.client, (long)piece, sizeof piece, 0, 0, 0)) > 0)
		r->came += (size_t)n;
	return NULL;
}

static void coroutines(void)
{
	struct sigaction act = { .sa_handler = tick };
	int listener = listen_with_segments();
	pthread_t thread, reader[COROUTINES];
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	sigaction(SIGALRM, &act, NULL);
	for (int i = 0; i < COROUTINES; i++) {
		routines[i].pair = pair_of(listener, 16384);
		set_int(routines[i].pair.fd, SOL_SOCKET, SO_SNDBUF, 16384);
		pthread_create(&reader[i], NULL, read_late, &routines[i]);
	}
	pthread_create(&thread, NULL, run_coroutines, NULL);
	if (strcmp(how, "cancel") == 0) {
		sleep_us(100000);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		for (int i = 0; i < COROUTINES; i++)
			close(routines[i].pair.fd);
	} else
		pthread_join(thread, NULL);
	for (int i = 0; i < COROUTINES; i++) {
		pthread_join(reader[i], NULL);
		if (strcmp(how, "cancel") != 0)
			report("%zu bytes came\n", routines[i].came);
	}
	report("the thread has ended\n");
}

/* --- a thread that must not wait -------------------------------------------------------------- */

enum { ROUNDS = 60, AT_MOST_MS = 20 };

static struct pair urgent_pair;
static int64_t written;
static pthread_barrier_t barrier;

static void urgent_call(int fd)
{
	int one = 1;
	char body[BODY_SIZE] = "";

	if (strcmp(how, "dup") == 0)
		close(dup(fd));
	else if (strcmp(how, "close") == 0)
		close(fd);
	else if (strcmp(how, "setsockopt") == 0)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	else if (strcmp(how, "recv") == 0)
		recv(fd, body, 1, MSG_DONTWAIT);
	else
		write_whole(fd, body, BODY_SIZE);
}

static void *be_urgent(void *argument)
{
	struct sched_param p = { .sched_priority = 20 };
	int64_t *worst = argument;

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &p) != 0)
		report("no SCHED_FIFO: this wants root\n");
	for (int i = 0; i < ROUNDS; i++) {
		int64_t before;

		pthread_barrier_wait(&barrier);
		sleep_until(written + (3000 + i % 10 * 500) * 1000L);
		before = now_ns();
		urgent_call(urgent_pair.fd);
		before = now_ns() - before;
		*worst = before > *worst ? before : *worst;
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* All threads run on one CPU: a lock holder gets no CPU time while a real-time thread spins for its lock. */
static void urgent(void)
{
	int listener = listen_here();
	int64_t worst = 0;
	pthread_t thread;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, be_urgent, &worst);
	for (int i = 0; i < ROUNDS; i++) {
		urgent_pair = pair_of(listener, 0);
		write_head(urgent_pair.fd);
		written = now_ns();
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		if (strcmp(how, "close") != 0)
			close(urgent_pair.fd);
		close(urgent_pair.client);
	}
	pthread_join(thread, NULL);
	report("kept for more than %d ms: %d\n", AT_MOST_MS, worst > AT_MOST_MS * MS);
}

/* --- handlers --------------------------------------------------------------------------------- */

/* A timer's handler interrupts the thread at any point of its writes on the same socket. */
enum { TRIALS = 600, MARK = 16 };

static volatile int handled_fd = -1;
static volatile int marks;
static volatile sig_atomic_t handled;
static volatile sig_atomic_t inside; /* a jump to `out` is allowed */
static sigjmp_buf out;

static void handle(int number)
{
	(void)number;
	handled = 1;
	if (strcmp(how, "write") == 0) {
		if (write(handled_fd, "################", MARK) == MARK)
			marks = marks + 1;
	} else if (strcmp(how, "jump") == 0) {
		if (inside)
			siglongjmp(out, 1);
	} else
		close(handled_fd);
}

/* Writes messages until the handler ends that. Returns how many bytes were taken; after a jump it is not known what the
 * last call did. */
static size_t write_until_handled(int fd)
{
	volatile size_t told = 0;
	char body[BODY_SIZE];

	memset(body, 'b', sizeof body);
	if (sigsetjmp(out, 1) != 0) {
		inside = 0;
		return told;
	}
	inside = 1;
	for (int i = 0; i < 4000 && (strcmp(how, "write") != 0 || marks == 0); i++) {
		ssize_t r = i % 2 == 0 ? write(fd, HEAD, HEAD_SIZE) : write(fd, body, BODY_SIZE);

		if (r < 0)
			break;
		told = told + (size_t)r;
	}
	inside = 0;
	return told;
}

static void *count_all(void *argument)
{
	int client = *(int *)argument;
	static char piece[65536];
	size_t n = 0, wrong = 0;
	long r;

	while ((r = unseen(SYS_read, client, (long)piece, sizeof piece, 0, 0, 0)) > 0)
		for (long i = 0; i < r; i++)
			if (piece[i] != '#' || strcmp(how, "write") != 0) {
				wrong += piece[i] != (n % 300 < 100 ? HEAD[n % 300] : 'b');
				n++;
			}
	return (void *)(wrong > 0 ? SIZE_MAX : n);
}

static void handler(void)
{
	struct sigaction act = { .sa_handler = handle, .sa_flags = SA_RESTART };
	int listener = listen_here(), wrong = 0, reached = 0;
	bool jumps = strcmp(how, "jump") == 0;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	for (int i = 0; i < TRIALS; i++) {
		struct pair p = pair_of(listener, 0);
		struct itimerval soon = { .it_value = { 0, 20 + i * 7 % 250 } }, never = { { 0, 0 }, { 0, 0 } };
		size_t told, came;
		pthread_t thread;
		void *counted;
		sigset_t mask, old;

		sigfillset(&mask);
		pthread_sigmask(SIG_BLOCK, &mask, &old);
		pthread_create(&thread, NULL, count_all, &p.client);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		marks = 0;
		handled = 0;
		handled_fd = p.fd;
		setitimer(ITIMER_REAL, &soon, NULL);
		told = write_until_handled(p.fd);
		setitimer(ITIMER_REAL, &never, NULL);
		if (!handled || jumps || strcmp(how, "write") == 0)
			close(p.fd);
		pthread_join(thread, &counted);
		came = (size_t)counted;
		reached += told < 2000 * 300;
		/* After a jump between the mark of a call and the call itself, the head that the call would have taken
		 * along may be missing. */
		wrong += came == SIZE_MAX || came + (jumps ? HEAD_SIZE : 0) < told ||
		         came > told + (jumps ? BODY_SIZE : 0);
		close(p.client);
	}
	report("the handler came in time: %d, trials with wrong bytes: %d\n", reached > TRIALS / 2, wrong);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	shared = shared_map(SHARED_FD);
	how = argc > 2 ? argv[2] : "";
	if (strcmp(argv[1], "coroutines") == 0)
		coroutines();
	else if (strcmp(argv[1], "urgent") == 0)
		urgent();
	else
		handler();
	return 0;
}
