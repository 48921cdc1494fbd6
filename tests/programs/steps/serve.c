/* Steps of p_steps that answer many requests in a row, or write in ways that matter to a program which does. */
#include "steps.h"

#include <sys/mman.h>
#include <sys/uio.h>

/* The peer sends a request, and the program reads it. */
static void be_asked(void)
{
	char request[64];

	report_bytes(">GET / HTTP/1.1\r\n\r\n", 19);
	must(recv(fd, request, sizeof request, 0) == 18, "recv");
}

/* Answers so many requests, each with one call. Returns how many bytes they were.
 *	serve, servev   whole responses, by send and by writev
 *	serve-part      without the last byte, which is never written: the next head follows */
static long do_serve(const struct step *s)
{
	static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	bool part = strcmp(s->verb, "serve-part") == 0;
	size_t head = sizeof whole - 6, all = sizeof whole - 1 - part;
	struct iovec pieces[] = { { (char *)whole, head }, { (char *)whole + head, all - head } };
	long sum = 0;

	for (int n = argument(s, 0); n > 0; n--) {
		be_asked();
		long r = strcmp(s->verb, "servev") == 0 ? writev(fd, pieces, 2) : send(fd, whole, all, MSG_NOSIGNAL);

		must(r == (long)all, "a whole response");
		sum += r;
	}
	atomic_fetch_add(&shared->written, (uint64_t)sum);
	return sum;
}

/* A head in two pieces of a call, and a body of 200 bytes by send. */
static long do_split(const struct step *s)
{
	char head[] = HEAD, body[200];
	struct iovec pieces[] = { { head, 50 }, { head + 50, sizeof head - 51 } };
	ssize_t r;

	(void)s;
	memset(body, 'b', sizeof body);
	r = writev(fd, pieces, 2) + send(fd, body, sizeof body, 0);
	atomic_fetch_add(&shared->written, (uint64_t)r);
	return r;
}

/* Writes a response whose memory ends behind the first 100 bytes: the rest of them cannot be read. */
static long do_torn(const struct step *s)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *p = page + 4096 - 100;

	must(page != MAP_FAILED && mprotect(page + 4096, 4096, PROT_NONE) == 0, "mprotect");
	memset(p, 'x', 100);
	memcpy(p, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 39);
	ssize_t r = s->pieces == 1 ? write(fd, p, 200)
	                           : writev(fd, (struct iovec[]){ { p, 100 }, { p + 100, 100 } }, 2);
	if (r > 0)
		atomic_fetch_add(&shared->written, (uint64_t)r);
	return r;
}

/* A whole response of more than 20,000 bytes, of which the first call may take only a part. */
static long do_serve_long(const struct step *s)
{
	static char whole[20050] = "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n";
	size_t done = 0, head = strlen(whole), all = head + 20000;

	(void)s;
	memset(whole + head, 'l', 20000);
	while (done < all) {
		ssize_t r = send(fd, whole + done, all - done, MSG_NOSIGNAL);

		must(r > 0, "send");
		done += (size_t)r;
	}
	atomic_fetch_add(&shared->written, (uint64_t)done);
	return (long)done;
}

static long do_reset(const struct step *s)
{
	(void)s;
	report_bytes("!reset", 6);
	sleep_us(50000);
	return 0;
}

/* A child that borrows the program's memory closes its copy of the descriptor. */
static long do_vfork_close(const struct step *s)
{
	pid_t pid = vfork();

	(void)s;
	if (pid == 0) {
		close(fd);
		_exit(0);
	}
	return reap(pid);
}

/* Calls that have no bytes, nor anything where bytes could be. */
static long do_nothing(const struct step *s)
{
	struct msghdr m = { .msg_iov = NULL };

	(void)s;
	return sendmsg(fd, &m, 0) + sendmsg(fd, &m, MSG_NOSIGNAL) + writev(fd, NULL, 0) + write(fd, NULL, 0);
}

/* A forked child accepts a connection of its own, and writes to it as do_split() does. */
static long do_child_splits(const struct step *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		fd = accept_peer();
		_exit(do_split(s) != 300);
	}
	return reap(pid);
}

const struct verb serve_verbs[] = {
	{ "serve", do_serve, 0 },
	{ "servev", do_serve, 0 },
	{ "serve-part", do_serve, 0 },
	{ "split", do_split, 0 },
	{ "torn", do_torn, 0 },
	{ "vfork-close", do_vfork_close, 0 },
	{ "reset", do_reset, 0 },
	{ "nothing", do_nothing, 0 },
	{ "serve-long", do_serve_long, 0 },
	{ "child-splits", do_child_splits, ADOPT },
	{ NULL, NULL, 0 },
};
