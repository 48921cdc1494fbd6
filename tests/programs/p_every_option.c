/* p_every_option set|ask HOLD sets every option of options.def, or asks for it, between a head and its body, for
 * tests/preload/every_option.c. It reports the options for which something other than their row says became of the
 * head. The values are zero; the kernel may refuse them. */
#include "p_pairs.h"

#include "options.h"

enum { HELD_MS = 4, SENT_MS = 300, TRIES = 3 };

static int listener;
static bool by_kernel; /* setting a harmless option releases what the kernel holds */

/* Waits at most `ms` for a head to come to the client. */
static bool comes(int client, int ms)
{
	char got[HEAD_SIZE];
	struct pollfd readable = { .fd = client, .events = POLLIN };

	return poll(&readable, 1, ms) == 1 && unseen(SYS_recvfrom, client, (long)got, sizeof got, 0, 0, 0) == HEAD_SIZE;
}

/* Whether the library has stopped holding: the head of the next message goes at once. */
static bool is_over(const struct pair *p)
{
	char body[BODY_SIZE] = "";

	write_whole(p->fd, body, sizeof body);
	must(take(p->client, body, sizeof body, now_ns() + SENT_MS * MS) == sizeof body, "reading a body");
	write_head(p->fd);
	return comes(p->client, HELD_MS);
}

/* Whether the head went or stayed as the row of the option says. */
static bool is_as_said(int level, int number, bool set, enum option_effect effect)
{
	struct pair p = pair_of(listener, 0);
	char value[256] = "";
	socklen_t size = sizeof value;
	bool goes = effect != HARMLESS || (set && by_kernel), right;

	write_head(p.fd);
	if (set)
		setsockopt(p.fd, level, number, value, sizeof(int));
	else
		getsockopt(p.fd, level, number, value, &size);
	right = comes(p.client, goes ? SENT_MS : HELD_MS) == goes;
	if (right && set && effect == SWITCHES_OFF)
		right = is_over(&p);
	close(p.fd);
	close(p.client);
	return right;
}

static void check(int level, int number, const char *name, bool set, enum option_effect effect)
{
	for (int i = 0; i < TRIES; i++)
		if (is_as_said(level, number, set, effect))
			return;
	report("%s\n", name);
}

int main(int argc, char **argv)
{
	bool set = argc > 1 && strcmp(argv[1], "set") == 0;

	by_kernel = argc > 2 && strcmp(argv[2], "kernel") == 0;
	shared = shared_map(SHARED_FD);
	listener = listen_here();
#define OPTION(level, name, number, when_set, when_asked) check(level, number, #name, set, set ? when_set : when_asked);
#include "options.def"
#undef OPTION
	check(IPPROTO_TCP, 99, "an option that has no row", set, RELEASES);
	check(99, TCP_NODELAY, "a level that has no rows", set, RELEASES);
	return 0;
}
