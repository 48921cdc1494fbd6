/* Sets every option of options.def, or asks for it, between a head and its body: p_every_option set|ask HOLD. Says of
 * which ones another thing became of the head than their rows say. The values are zero, which the kernel may refuse. */
#include "p_pairs.h"

#include "options.h"

enum { HELD_MS = 4, SENT_MS = 300, TRIES = 3 };

static int listener;
static bool by_kernel; /* a harmless option, set, lets go what the kernel holds */

/* Does the client get something, and more than it had? */
static bool comes(int client, int ms)
{
	char got[HEAD_SIZE];
	struct pollfd readable = { .fd = client, .events = POLLIN };

	return poll(&readable, 1, ms) == 1 && unseen(SYS_recvfrom, client, (long)got, sizeof got, 0, 0, 0) == HEAD_SIZE;
}

/* Is the next message's head held, too? */
static bool is_over(const struct pair *p)
{
	char body[BODY_SIZE] = "";

	write_whole(p->fd, body, sizeof body);
	must(take(p->client, body, sizeof body, now_ns() + SENT_MS * MS) == sizeof body, "reading a body");
	write_head(p->fd);
	return comes(p->client, HELD_MS);
}

/* What became of the head: as the row says? */
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
