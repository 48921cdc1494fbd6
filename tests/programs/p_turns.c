/* p_turns meanwhile|heard|marked|closed|insist|ended|file|shut|beside CALL|jump HOW has threads and signal handlers use
 * a connection while a write is under way there, or after a jump has left one, for tests/preload/turns.c. */
#include "p_named.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200 };

static int fd;

static void put(const char *p, size_t n)
{
	must(write(fd, p, n) == (ssize_t)n, "writing");
	atomic_fetch_add(&shared->written, n);
}

static void write_head(void)
{
	put(HEAD, HEAD_SIZE);
}

static void write_body(void)
{
	char body[BODY_SIZE];

	memset(body, 'b', sizeof body);
	put(body, sizeof body);
}

/* --- a head is being written ------------------------------------------------------------------ */

static void *write_head_slowly(void *unused)
{
	write_head();
	return unused;
}

/* Another thread writes the body before the head's write has returned, which the test makes slow. Then comes another
 * message. */
static void meanwhile(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, write_head_slowly, NULL);
	sleep_us(50000);
	write_body();
	pthread_join(thread, NULL);
	write_head();
	write_body();
	report("all at the peer: %d\n", peer_has_all());
}

static void *send_file_slowly(void *file)
{
	must(sendfile(fd, *(int *)file, NULL, BODY_SIZE) == BODY_SIZE, "sendfile");
	atomic_fetch_add(&shared->written, BODY_SIZE);
	return NULL;
}

/* A message is written while another thread's sendfile is on its way to the kernel, which the test makes slow. How much
 * room it takes is not known yet. */
static void file(void)
{
	int empty = memfd_create("file", MFD_CLOEXEC);
	pthread_t thread;

	must(ftruncate(empty, BODY_SIZE) == 0, "ftruncate");
	pthread_create(&thread, NULL, send_file_slowly, &empty);
	sleep_us(50000);
	write_head();
	write_body();
	pthread_join(thread, NULL);
	write_head();
	write_body();
	report("all at the peer: %d\n", peer_has_all());
}

/* Another thread makes a call that releases what is held. */
static void beside(void)
{
	pthread_t thread;
	char byte;
	pid_t pid;

	pthread_create(&thread, NULL, write_head_slowly, NULL);
	sleep_us(50000);
	if (strcmp(how, "fork") == 0) {
		if ((pid = fork()) == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	} else if (strcmp(how, "read") == 0)
		recv(fd, &byte, 1, MSG_DONTWAIT);
	else
		close(dup(fd));
	pthread_join(thread, NULL);
	report("all at the peer: %d\n", peer_has_all());
}

/* --- the peer is heard while a head is held --------------------------------------------------- */

static void *read_four(void *unused)
{
	char answer[4];

	must(recv(fd, answer, sizeof answer, 0) == sizeof answer, "reading");
	return unused;
}

/* The head announces a body of 100 bytes, which does not come. The reading thread was waiting before, so its read
 * releases nothing. The next write is 100 bytes long, as the body would be, but is another head. */
static void heard(void)
{
	static const char first[] = "HTTP/1.1 200 OK\r\n" HEAD_PAD("100");
	pthread_t reader;

	pthread_create(&reader, NULL, read_four, NULL);
	sleep_us(30000);
	put(first, sizeof first - 1);
	report_bytes(">ping", 5);
	pthread_join(reader, NULL);
	write_head();
	write_body();
	report("all at the peer: %d\n", peer_has_all());
}

/* --- a handler writes while a head is held ---------------------------------------------------- */

static atomic_bool begun;
static atomic_int handled;

static void write_mark(int signal_number)
{
	(void)signal_number;
	put("a mark", 6);
	atomic_fetch_add(&handled, 1);
}

static void *interrupt(void *thread)
{
	while (!atomic_load(&begun))
		sleep_us(100);
	sleep_us(60000);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	sleep_us(30000);
	if (strcmp(how, "nested") == 0)
		pthread_kill(*(pthread_t *)thread, SIGUSR2);
	return NULL;
}

/* The signal stack lies above the thread's own stack, where a comparison of addresses says little. "disarmed": with
 * SS_AUTODISARM the kernel forgets the stack while a handler runs there. */
enum { STACK = 1 << 20 }; /* TSan needs so much */
static char stacks[2 * STACK] __attribute__((aligned(4096)));

static void give_handlers_a_stack(void)
{
	stack_t above = { .ss_sp = stacks + STACK,
		          .ss_size = STACK,
		          .ss_flags = strstr(how, "disarmed") ? (int)SS_AUTODISARM : 0 };

	must((strstr(how, "by number") != NULL ? syscall(SYS_sigaltstack, &above, NULL) : sigaltstack(&above, NULL)) ==
	             0,
	     "sigaltstack");
}

/* The handler interrupts a call that leaves the head held, which the test makes slow. */
static void *marked(void *unused)
{
	struct sigaction mark = { .sa_handler = write_mark, .sa_flags = SA_ONSTACK };
	pthread_t self = pthread_self(), other;

	if (strstr(how, "above") != NULL)
		give_handlers_a_stack();
	sigaction(SIGUSR1, &mark, NULL);
	sigaction(SIGUSR2, &mark, NULL);
	pthread_create(&other, NULL, interrupt, &self);
	write_head();
	atomic_store(&begun, true);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	while (atomic_load(&handled) < (strcmp(how, "nested") == 0 ? 2 : 1))
		sleep_us(100);
	write_body();
	report("all at the peer: %d\n", peer_has_all());
	return unused;
}

static void marked_below(void)
{
	pthread_attr_t below;
	pthread_t thread;

	must(pthread_attr_init(&below) == 0 && pthread_attr_setstack(&below, stacks, STACK) == 0, "a stack");
	must(pthread_create(&thread, &below, marked, NULL) == 0, "a thread");
	pthread_join(thread, NULL);
}

static void write_mark_if_it_is_open(int signal_number)
{
	(void)signal_number;
	(void)!write(fd, "a mark", 6);
}

static void *set_option(void *unused)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return unused;
}

/* A handler interrupts close() while that waits for another thread's call, which the test makes slow. */
static void closed(void)
{
	struct sigaction mark = { .sa_handler = write_mark_if_it_is_open, .sa_flags = SA_RESTART };
	pthread_t self = pthread_self(), setter, other;
	int64_t before, waited;

	sigaction(SIGUSR1, &mark, NULL);
	write_head();
	pthread_create(&setter, NULL, set_option, NULL);
	sleep_us(50000);
	atomic_store(&begun, true);
	pthread_create(&other, NULL, interrupt, &self);
	before = now_ns();
	must(close(fd) == 0, "close");
	waited = now_ns() - before;
	pthread_join(setter, NULL);
	pthread_join(other, NULL);
	report("close waited: %d\n", waited > INT64_C(100000000));
}

/* A handler writes again and again, and finds no room, which the test sees to: does the thread that it interrupts get
 * out of its call? */
static void insist(void)
{
	static const struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction mark = { .sa_handler = write_mark_if_it_is_open, .sa_flags = SA_RESTART };
	int64_t before;

	write_head();
	sigaction(SIGALRM, &mark, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	before = now_ns();
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	report("soon: %d\n", now_ns() - before < INT64_C(1000000000));
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/* The handler writes, and then ends the process or the socket. */
static void write_mark_and_end(int signal_number)
{
	char *const arguments[] = { "true", NULL };

	write_mark(signal_number);
	if (strcmp(how, "exit") == 0)
		exit(0);
	if (strcmp(how, "_exit") == 0)
		_exit(0);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(0);
	if (strcmp(how, "exit_group") == 0)
		syscall(SYS_exit_group, 0);
	if (strcmp(how, "exec") == 0)
		execv("/bin/true", arguments);
	if (strcmp(how, "shutdown") == 0)
		must(shutdown(fd, SHUT_WR) == 0, "shutdown");
	if (strcmp(how, "close") == 0)
		must(close(fd) == 0, "close");
}

static void ended(void)
{
	struct sigaction mark = { .sa_handler = write_mark_and_end };
	pthread_t self = pthread_self(), other;

	sigaction(SIGUSR1, &mark, NULL);
	pthread_create(&other, NULL, interrupt, &self);
	write_head();
	atomic_store(&begun, true);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	pthread_join(other, NULL);
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static void shut_down(int signal_number)
{
	(void)signal_number;
	must(shutdown(fd, SHUT_WR) == 0, "shutdown");
}

/* A handler shuts down the socket while the first half of a body is being written, which the test makes slow. It
 * reports what the second half meets. */
static void shut(void)
{
	struct sigaction end = { .sa_handler = shut_down };
	char half[BODY_SIZE / 2] = "";
	pthread_t self = pthread_self(), other;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &end, NULL);
	write_head();
	atomic_store(&begun, true);
	pthread_create(&other, NULL, interrupt, &self);
	report("%zd\n", write(fd, half, sizeof half));
	pthread_join(other, NULL);
	for (int i = 0; i < 2; i++) {
		ssize_t r = write(fd, half, sizeof half);
		report("%zd, EPIPE: %d\n", r, errno == EPIPE);
	}
}

/* --- a jump out of a call --------------------------------------------------------------------- */

static sigjmp_buf out;
static atomic_bool jumped;

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

/* Takes a turn on another connection, within the turn that this signal interrupts. */
static void nest(int signal_number)
{
	static int other, client;

	(void)signal_number;
	other = accept_own(&client);
	set_int(other, IPPROTO_TCP, TCP_NODELAY, 1);
}

static void ignore(int signal_number)
{
	(void)signal_number;
}

/* Signals interrupt the main thread more often than a wait for the turn lasts. */
static void interrupt_often(void)
{
	struct sigaction again = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };

	sigaction(SIGALRM, &again, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* setcontext() leaves the handler, which the library does not see. */
static ucontext_t outside;

static void leave_unseen(int signal_number)
{
	(void)signal_number;
	setcontext(&outside);
}

static void end_thread(int signal_number)
{
	(void)signal_number;
	pthread_exit(NULL);
}

static void make_the_call(void)
{
	write_head();
	if (strcmp(how, "write") == 0)
		write_body();
	else
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static void *leave_a_call(void *unused)
{
	sigset_t often;

	sigemptyset(&often);
	sigaddset(&often, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &often, NULL);
	static _Thread_local volatile bool back;

	getcontext(&outside);
	if (!back && sigsetjmp(out, 1) == 0) {
		back = true;
		make_the_call();
	} else
		atomic_store(&jumped, true);
	for (;;)
		pause();
	return unused;
}

static void *mark_its_end(void *thread)
{
	pthread_join(*(pthread_t *)thread, NULL);
	atomic_store(&jumped, true);
	return NULL;
}

/* A handler jumps out of a call that the test makes slow to return. Its thread stays without doing anything, or ends
 * there. How long does the main thread have to wait for the turn? */
static void jumps(void)
{
	bool ends = strstr(how, "exit") != NULL, in_silence = strstr(how, "unseen") != NULL;
	struct sigaction leave = { .sa_handler = ends         ? end_thread
		                                 : in_silence ? leave_unseen
		                                              : jump,
		                   .sa_flags = SA_NODEFER };
	struct sigaction deeper = { .sa_handler = nest };
	int64_t before, soon = strstr(how, "unseen, and no more") != NULL ? INT64_C(2500000000)
	                       : in_silence                               ? INT64_C(1600000000)
	                                                                  : INT64_C(400000000);
	pthread_t thread, joiner;

	sigaction(SIGUSR1, &leave, NULL);
	sigaction(SIGUSR2, &deeper, NULL);
	pthread_create(&thread, NULL, leave_a_call, NULL);
	sleep_us(100000);
	if (strstr(how, "nested") != NULL)
		pthread_kill(thread, SIGUSR2);
	sleep_us(100000);
	pthread_kill(thread, SIGUSR1);
	if (ends)
		pthread_create(&joiner, NULL, mark_its_end, &thread);
	while (!atomic_load(&jumped))
		sleep_us(100);
	if (strstr(how, "often") != NULL)
		interrupt_often();
	before = now_ns();
	if (strcmp(how, "write") == 0) {
		atomic_store(&shared->written, HEAD_SIZE + BODY_SIZE);
		write_head();
	}
	if (strstr(how, "no more") == NULL)
		write_body();
	while (in_silence && now_ns() - before < soon && !peer_has_all())
		;
	report("soon: %d, all at the peer: %d\n", now_ns() - before < soon, peer_has_all());
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "meanwhile", meanwhile }, { "heard", heard }, { "marked", marked_below }, { "closed", closed },
		{ "insist", insist },       { "ended", ended }, { "file", file },           { "shut", shut },
		{ "beside", beside },       { "jump", jumps },
	};

	named_begin(argc, argv);
	fd = accept_peer();
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
