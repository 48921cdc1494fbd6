/* p_many short|strange makes many connections, one after the other, for tests/preload/cannot_start.c and
 * tests/preload/short_fall.c.
 *
 * short: each has one small exchange; how much does the memory of the process grow? strange: on each the message looks
 * too short for some reason; is a message on another connection still joined? */
#include "p_pairs.h"
#include "number.h"

enum { FIRST = 1000, SHORT = 20000, STRANGE = 1000, GROWTH_KB = 200 };

/* The process's anonymous memory in KB, counted page by page, because the numbers in /proc/self/statm are not exact. It
 * is not read by stdio, which allocates memory itself. */
static long own_kb(void)
{
	char text[2048] = "", *line;
	int file = open("/proc/self/smaps_rollup", O_RDONLY);

	must(read(file, text, sizeof text - 1) > 0, "reading /proc/self/smaps_rollup");
	close(file);
	line = strstr(text, "Anonymous:");
	must(line != NULL, "Anonymous in /proc/self/smaps_rollup");
	return atol(line + 10);
}

static void ask(const struct pair *p, const char *request, size_t read_now)
{
	char got[512];

	must(send_unseen(p->client, request, strlen(request), 0) == (long)strlen(request), "asking");
	must(read(p->fd, got, read_now) > 0, "reading");
}

static void end(struct pair *p)
{
	struct linger hard = { 1, 0 };

	setsockopt(p->client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); /* leaves no port behind in TIME_WAIT */
	close(p->client);
	close(p->fd);
}

/* Whether the whole text comes to the client. */
static bool comes(const struct pair *p, const char *text)
{
	char got[1024];
	size_t n = strlen(text);

	return take(p->client, got, n, now_ns() + 1000 * MS) == n && memcmp(got, text, n) == 0;
}

static void have_short_ones(int listener)
{
	char message[HEAD_SIZE + BODY_SIZE + 1] = HEAD;
	long before = 0, grown;
	int wrong = 0;

	shared->sent[0] = now_ns();
	memset(message + HEAD_SIZE, 'b', BODY_SIZE);
	for (int i = 0; i < SHORT; i++) {
		struct pair p = pair_of(listener, 0);

		if (i == FIRST)
			before = own_kb();
		ask(&p, "GET / HTTP/1.1\r\n\r\n", 512);
		write_whole(p.fd, message, HEAD_SIZE);
		write_whole(p.fd, message + HEAD_SIZE, BODY_SIZE);
		wrong += !comes(&p, message);
		end(&p);
	}
	grown = own_kb() - before;
	if (grown >= GROWTH_KB)
		report("grown by %ld KB\n", grown);
	shared->sent[1] = now_ns();
	report("memory is flat: %d, wrong messages: %d\n", grown < GROWTH_KB, wrong);
}

/* --- messages that look too short ------------------------------------------------------------- */

#define SMALL(size) "HTTP/1.1 200 OK\r\nContent-Length: " #size "\r\n\r\n"

/* Two answers go in one write. The second one answers a pipelined HEAD and so has no body. */
static bool pipelined(struct pair *p)
{
	static const char answers[] = SMALL(5) "hello" SMALL(5);

	ask(p, "GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n", 512);
	write_whole(p->fd, answers, sizeof answers - 1);
	return comes(p, answers);
}

/* The body is itself a response. */
static bool nested(struct pair *p)
{
	static const char body[] = SMALL(5) "hello";
	char head[64];

	ask(p, "GET /saved.http HTTP/1.1\r\n\r\n", 512);
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof body - 1);
	write_whole(p->fd, head, strlen(head));
	write_whole(p->fd, body, sizeof body - 1);
	return comes(p, head) && comes(p, body);
}

/* The request is answered before its body is read, and that body begins like a GET request. A HEAD follows. */
static bool early(struct pair *p)
{
	ask(p, "POST /x HTTP/1.1\r\nContent-Length: 8\r\n\r\n", 512);
	write_whole(p->fd, SMALL(2), sizeof SMALL(2) - 1);
	write_whole(p->fd, "no", 2);
	ask(p, "GET abcd", 8);
	ask(p, "HEAD / HTTP/1.1\r\n\r\n", 512);
	write_whole(p->fd, SMALL(5), sizeof SMALL(5) - 1);
	return comes(p, SMALL(2) "no" SMALL(5));
}

/* The answer to a HEAD whose request was read by a call that no hook sees. */
static bool unread(struct pair *p)
{
	char got[64];

	must(send_unseen(p->client, "HEAD / HTTP/1.1\r\n\r\n", 19, 0) == 19, "asking");
	must(unseen(SYS_read, p->fd, (long)got, sizeof got, 0, 0, 0) > 0, "reading");
	write_whole(p->fd, SMALL(5), sizeof SMALL(5) - 1);
	return comes(p, SMALL(5));
}

/* The end of the body goes by a system call that no hook sees. */
static bool completed_unseen(struct pair *p)
{
	ask(p, "GET / HTTP/1.1\r\n\r\n", 512);
	write_whole(p->fd, SMALL(10), sizeof SMALL(10) - 1);
	write_whole(p->fd, "hello", 5);
	must(send_unseen(p->fd, "world", 5, 0) == 5, "writing");
	return comes(p, SMALL(10) "helloworld");
}

/* The connection can still be used: the next message comes whole as well. */
static bool goes_on(struct pair *p)
{
	ask(p, "GET /c HTTP/1.1\r\n\r\n", 512);
	write_whole(p->fd, SMALL(5), sizeof SMALL(5) - 1);
	write_whole(p->fd, "again", 5);
	return comes(p, SMALL(5) "again");
}

static bool (*const kinds[])(struct pair *) = { pipelined, nested, early, unread, completed_unseen };

static void have_strange_ones(int listener, int count)
{
	int fd = accept_peer(), wrong = 0;
	char body[BODY_SIZE];

	memset(body, 'b', sizeof body);
	set_int(listener, IPPROTO_TCP, TCP_NODELAY, 1); /* inherited; no short segment waits for an ACK */
	for (int i = 0; i < count; i++)
		for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
			struct pair p = pair_of(listener, 0);

			set_int(p.client, IPPROTO_TCP, TCP_NODELAY, 1);
			wrong += !kinds[k](&p) || !goes_on(&p);
			end(&p);
		}
	for (int i = 0; i < 3; i++) {
		write_head(fd);
		write_whole(fd, body, sizeof body);
	}
	report("wrong messages: %d\n", wrong);
}

int main(int argc, char **argv)
{
	int listener = listen_here();

	if (argc < 2)
		return 2;
	shared = shared_map(SHARED_FD);
	if (strcmp(argv[1], "short") == 0)
		have_short_ones(listener);
	else
		have_strange_ones(listener, argc > 2 ? natural("the count", argv[2]) : STRANGE);
	return 0;
}
