/* p_options sets TCP_NODELAY or TCP_CORK, or asks for it, while the library sets and restores the two for its own
 *purposes, for tests/preload/references.c: the program's own setting must hold, and be what is answered.
 *
 *	p_options set NAME BEFORE AFTER [HOW]
 *	p_options ask NAME VALUE [HOW]
 *
 * HOW: by number, or by a child of a fork. One thread writes messages of every kind for which the library may touch the
 *two options. Another one sets the option, or asks for it, in each round a few milliseconds later than in the round
 *before. */
#include "p_pairs.h"
#include "number.h"

#include <pthread.h>
#include <sys/wait.h>

enum { LATER_MS = 5, ROUNDS = 14, LONG = 60000, PIECES = 12 };

static int option, before, after, at_ms, fd;
static const char *how = "";
static int64_t start;
static atomic_bool over;

/* Writes a head and `pieces` pieces of the body, with a pause before each piece. */
static void write_message(const char *head, size_t pieces, size_t each, long pause_us)
{
	static char piece[LONG];

	write_whole(fd, head, strlen(head));
	for (size_t i = 0; i < pieces; i++) {
		sleep_us(pause_us);
		write_whole(fd, piece, each);
	}
}

static void write_messages(void)
{
	for (int i = 0; i < 2; i++)
		write_message(HEAD, 1, BODY_SIZE, 0);
	write_message(HEAD, 1, BODY_SIZE, 8000);
	write_message(HEAD, 2, BODY_SIZE / 2, 8000);
	write_message("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", PIECES, LONG / PIECES, 1000);
	write_message(HEAD, 2, BODY_SIZE / 2, 0);
}

static void *set_option(void *argument)
{
	sleep_until(start + at_ms * MS);
	if (strcmp(how, "number") == 0)
		must(syscall(SYS_setsockopt, fd, IPPROTO_TCP, option, &after, sizeof after) == 0, "SYS_setsockopt");
	else
		set_int(fd, IPPROTO_TCP, option, after);
	return argument;
}

static void *ask_for_option(void *argument)
{
	int *wrong = argument;

	while (!atomic_load(&over)) {
		int value = -1;
		socklen_t size = sizeof value;

		must((strcmp(how, "number") == 0 ? syscall(SYS_getsockopt, fd, IPPROTO_TCP, option, &value, &size)
		                                 : getsockopt(fd, IPPROTO_TCP, option, &value, &size)) == 0,
		     "getsockopt");
		*wrong += (value != 0) != before;
		sleep_us(500);
	}
	return NULL;
}

static bool is_set(void)
{
	int value = -1, size = sizeof value;

	must(unseen(SYS_getsockopt, fd, IPPROTO_TCP, option, (long)&value, (long)&size, 0) == 0, "getsockopt");
	return value != 0;
}

/* Returns how many answers were wrong, or 1 if the option is not what it was set to. */
static int do_round(int listener, void *(*run)(void *))
{
	struct pair p = pair_of(listener, 1 << 20);
	bool child = strcmp(how, "child") == 0;
	pthread_t thread;
	pid_t pid = -1;
	int wrong = 0;

	fd = p.fd;
	if (before)
		set_int(fd, IPPROTO_TCP, option, 1);
	atomic_store(&over, false);
	start = now_ns();
	if (child && (pid = fork()) == 0) {
		run(NULL);
		_exit(0);
	}
	must(child ? pid > 0 : pthread_create(&thread, NULL, run, &wrong) == 0, "beginning the other");
	write_messages();
	if (child)
		waitpid(pid, NULL, 0);
	else if (run == set_option)
		pthread_join(thread, NULL);
	sleep_us(15000); /* until after the last deadline, and what the helper then does */
	atomic_store(&over, true);
	if (run == ask_for_option)
		pthread_join(thread, NULL);
	else
		wrong = is_set() != after;
	close(p.fd);
	close(p.client);
	return wrong;
}

int main(int argc, char **argv)
{
	int listener = listen_here(), wrong = 0;
	bool ask = argc > 1 && strcmp(argv[1], "ask") == 0;

	if (argc < (ask ? 4 : 5))
		return 2;
	if (argc > (ask ? 4 : 5))
		how = argv[ask ? 4 : 5];
	shared = shared_map(SHARED_FD);
	set_int(listener, IPPROTO_TCP, TCP_MAXSEG, 1460); /* so that the long message has several segments */
	option = strcmp(argv[2], "nodelay") == 0 ? TCP_NODELAY : TCP_CORK;
	before = (int)number("BEFORE", argv[3], INT_MIN, INT_MAX);
	after = ask ? before : (int)number("AFTER", argv[4], INT_MIN, INT_MAX);
	for (int i = 0; i < (ask ? 3 : ROUNDS); i++, at_ms += LATER_MS)
		wrong += do_round(listener, ask ? ask_for_option : set_option);
	report(ask ? "wrong answers: %d\n" : "settings that are lost: %d\n", wrong);
	return 0;
}
