/* p_edges NAME [HOW] makes calls with memory that ends inside their bytes, or with invalid pointers, for
 * tests/preload/unread.c.
 *
 * It reports what each call returned and what the peer got. With the HOW "second" they come after a usual message. */
#include "p_pairs.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <ucontext.h>

#define TEN "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

enum { PAGE = 4096, TEN_SIZE = sizeof TEN - 1 };

static const char *how = "";
static struct pair pair;
static volatile size_t far = SIZE_MAX; /* volatile, because the compiler warns about calls with these values */
static void *volatile low = (void *)8;
static char *page, *dark; /* a page, and the next one, which cannot be read */

static void say(const char *what, long r)
{
	report("%s: %ld %s\n", what, r, r < 0 ? strerrorname_np(errno) : "");
}

static void write_usual_message(void)
{
	char got[TEN_SIZE + 10];

	write_whole(pair.fd, TEN, TEN_SIZE);
	write_whole(pair.fd, "0123456789", 10);
	must(take(pair.client, got, sizeof got, now_ns() + 1000 * MS) == sizeof got, "the usual message");
}

/* Reports what the peer got: at most `most` bytes, or all until the end. */
static void say_what_came(size_t most)
{
	static char got[PAGE];
	size_t n = take(pair.client, got, most, now_ns() + 1000 * MS);

	report("came: %zu %.*s\n", n, n > 0 ? (int)strcspn(got, "\r") : 0, got);
	if (n >= 10)
		report("at its end: %.10s\n", got + n - 10);
}

/* --- the end of a write ----------------------------------------------------------------------- */

/* By its count the write goes on into memory that cannot be read. */
static void far_end(void)
{
	static const size_t sizes[] = { PAGE + 10,    2 * PAGE,         20000,         (size_t)1 << 31,
		                        SIZE_MAX / 2, SIZE_MAX / 4 + 1, SIZE_MAX - 20, SIZE_MAX };

	memcpy(page, TEN "0123456789", TEN_SIZE + 10);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		say("head and body", write(pair.fd, page, sizes[i]));
	if (sizeof(size_t) == 8)
		say("head and body", write(pair.fd, page, (size_t)1 << (sizeof(size_t) * 5)));
}

/* A head is held, then comes a body whose count is larger than any memory. */
static void far_body(void)
{
	write_whole(pair.fd, TEN, TEN_SIZE);
	say("body", write(pair.fd, dark, far));
	say("body", write(pair.fd, page, far));
	say("body", write(pair.fd, "0123456789", 10));
}

/* Only the head can be read. */
static void edge(void)
{
	memcpy(dark - TEN_SIZE, TEN, TEN_SIZE);
	say("write", write(pair.fd, dark - TEN_SIZE, TEN_SIZE + 10));
	say("send", send(pair.fd, dark - TEN_SIZE, TEN_SIZE + 5000, MSG_NOSIGNAL));
	say("head", write(pair.fd, dark - TEN_SIZE, TEN_SIZE));
	say("body", write(pair.fd, "0123456789", 10));
}

/* All pieces of the head can be read, and no piece of the body. */
static void pieces(void)
{
	struct iovec iov[] = {
		{ "HTTP/1.1 200 OK\r\n", 17 }, { "Content-Length: 10\r\n", 20 }, { "\r\n", 2 }, { dark, 10 }
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 4 };

	say("writev", writev(pair.fd, iov, 4));
	say("sendmsg", sendmsg(pair.fd, &m, MSG_NOSIGNAL));
	iov[2].iov_len = 1; /* the line end of the empty line is beyond the edge, too */
	write_whole(pair.fd, "HTTP/1.1 200 OK\r\n", 17);
	say("the rest of a head", writev(pair.fd, iov + 1, 2));
	iov[1] = (struct iovec){ "\n", 1 };
	iov[2] = (struct iovec){ dark, 10 };
	say("its end, and a body", writev(pair.fd, iov + 1, 2));
	say("its end", writev(pair.fd, iov + 1, 1));
	say("body", write(pair.fd, "0123456789", 10));
}

/* The body's count is more than the head announced. */
static void behind(void)
{
	write_whole(pair.fd, TEN, TEN_SIZE);
	say("too long", write(pair.fd, dark, 20));
	say("body", write(pair.fd, "0123456789", 10));
}

/* Once the peer was heard, what looks like a body may be the next head, so the library reads its first bytes. */
static void heard(void)
{
	char got[4];

	write_whole(pair.fd, TEN, TEN_SIZE);
	must(send_unseen(pair.client, "more", 4, 0) == 4 && read(pair.fd, got, 4) == 4, "the peer");
	say("body", write(pair.fd, dark, 10));
	say("body", write(pair.fd, "0123456789", 10));
}

/* A head lies across two pages, both of which can be read. */
static void across(void)
{
	static const size_t before[] = { 1, 2, 3, 5, 8, 12, 17, 30, TEN_SIZE - 4, TEN_SIZE - 1, TEN_SIZE };

	must(mprotect(dark, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
			char *p = dark - before[i];

			memcpy(p, TEN "0123456789", TEN_SIZE + 10);
			p[15] = (char)('a' + i); /* a head that is known is not parsed again */
			say("head", write(pair.fd, p, TEN_SIZE));
			say("body", write(pair.fd, p + TEN_SIZE, 10));
			say_what_came(TEN_SIZE + 10);
			say("together", write(pair.fd, p, TEN_SIZE + 10));
			say_what_came(TEN_SIZE + 10);
		}
}

/* --- invalid pointers ------------------------------------------------------------------------- */

static void nowhere_on(const char *what, int fd)
{
	char *const nothing[] = { NULL, (char *)8, (char *)4096, (char *)MAP_FAILED };

	for (int i = 0; i < 4; i++) {
		report("%s, nothing %d\n", what, i);
		say("write", write(fd, nothing[i], 100));
		say("send", send(fd, nothing[i], 100, MSG_NOSIGNAL));
		say("sendto", sendto(fd, nothing[i], 100, MSG_NOSIGNAL, NULL, 0));
	}
}

static void nowhere(void)
{
	int ends[2];

	must(pipe(ends) == 0, "pipe");
	nowhere_on("tcp", pair.fd);
	nowhere_on("pipe", ends[1]);
	nowhere_on("file", memfd_create("file", MFD_CLOEXEC));
	nowhere_on("none", -1);
	write_whole(pair.fd, TEN, TEN_SIZE);
	nowhere_on("body", pair.fd);
	say("body", write(pair.fd, "0123456789", 10));
	write_whole(pair.fd, "HTTP/1.1 200 OK\r\n", 17);
	nowhere_on("head", pair.fd);
	write_whole(pair.fd, "Transfer-Encoding: chunked\r\n\r\n", 30);
	nowhere_on("chunk", pair.fd);
	for (size_t i = 0; i < 2; i++) {
		struct iovec iov[] = { { "HTTP/1.1 200 OK\r\n", 17 }, { i == 0 ? low : MAP_FAILED, 100 } };

		say("a head's second piece", writev(pair.fd, iov, 2));
		say("a chunk's", writev(pair.fd, (struct iovec[]){ { "5\r", 2 }, iov[1] }, 2));
	}
}

static void vectors(void)
{
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = low, .msg_controllen = 64 };
	int ends[2];

	unsetenv("RECORDER_LOG");
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
	for (int i = 0; i < 2; i++) {
		int fd = i == 0 ? pair.fd : ends[0];

		say("writev", writev(fd, low, 1));
		say("pwritev2", pwritev2(fd, low, 1, -1, 0));
		say("sendmsg", sendmsg(fd, low, MSG_NOSIGNAL));
		say("sendmsg's control", sendmsg(fd, &m, MSG_NOSIGNAL));
		say("sendmmsg", sendmmsg(fd, low, 1, MSG_NOSIGNAL));
		say("writev", writev(fd, &iov, (int)(far & 0xfffff)));
	}
}

/* --- addresses -------------------------------------------------------------------------------- */

/* The kernel checks all that a call says of an address, so its answers must not change. */
static void address(void)
{
	struct sockaddr_storage big = { 0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof to;
	int at = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), kinds[2];
	char long_one[256] = { 0 };

	must(bind(at, (struct sockaddr *)&to, size) == 0 && getsockname(at, (struct sockaddr *)&to, &size) == 0,
	     "bind");
	memcpy(&big, &to, size);
	memcpy(long_one, &to, size);
	kinds[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	kinds[1] = dup(kinds[0]); /* the library knows nothing of this number */
	for (int i = 0; i < 3; i++) {
		int fd = i < 2 ? kinds[i] : pair.fd;

		say("too long", sendto(fd, TEN, TEN_SIZE, 0, (void *)long_one, 200));
		say("negative", sendto(fd, TEN, TEN_SIZE, 0, (void *)long_one, (socklen_t)-1));
		say("nowhere", sendto(fd, TEN, TEN_SIZE, 0, low, size));
		say("empty", sendto(fd, TEN, TEN_SIZE, 0, (void *)&big, 0));
		say("right", sendto(fd, TEN, TEN_SIZE, 0, (void *)&to, size));
	}
	say("body", write(pair.fd, "0123456789", 10));
	write_whole(pair.fd, TEN, TEN_SIZE);
	say("body, too long", sendto(pair.fd, "0123456789", 10, 0, (void *)long_one, 200));
	say("body, empty", sendto(pair.fd, "0123456789", 10, 0, (void *)&big, 0));
}

/* --- the stack -------------------------------------------------------------------------------- */

static ucontext_t outside, inside;

static void write_inside(void)
{
	for (int i = 0; i < 3; i++)
		write_usual_message();
}

/* Executes this program again without the recorder, which takes more of the stack than the library. The recorder is the
 * last entry of LD_PRELOAD, or the only one. */
static void leave_recorder(char **argv)
{
	char *preload = getenv("LD_PRELOAD"), *colon = preload != NULL ? strchr(preload, ':') : NULL;

	if (preload == NULL || strstr(preload, "recorder") == NULL)
		return;
	if (colon != NULL)
		*colon = '\0';
	else
		unsetenv("LD_PRELOAD");
	execv("/proc/self/exe", argv);
	must(false, "exec");
}

/* Measures how much of a coroutine's stack usual messages take. The first messages are written outside, because they
 * start the helper, and libc looks up functions. */
static void coroutine(void)
{
	enum { STACK = 65536, SMALL = 1440, FRESH = 0x5a };
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile size_t left = 0;

	must(stack != MAP_FAILED && getcontext(&inside) == 0, "a stack");
	inside.uc_link = &outside;
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = STACK;
	makecontext(&inside, write_inside, 0);
	for (int i = 0; i < 2; i++)
		write_usual_message();
	memset(stack, FRESH, STACK - 512); /* keeps what makecontext() has put there */
	must(swapcontext(&outside, &inside) == 0, "swapcontext");
	while (left < STACK && stack[left] == FRESH)
		left++;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
	left = STACK;
#endif
	report("stack: %s\n", STACK - left <= SMALL ? "little" : "much");
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "far end", far_end }, { "far body", far_body }, { "edge", edge },           { "pieces", pieces },
	{ "behind", behind },   { "heard", heard },       { "across", across },       { "nowhere", nowhere },
	{ "vectors", vectors }, { "address", address },   { "coroutine", coroutine },
};

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "coroutine") == 0)
		leave_recorder(argv);
	shared = shared_map(SHARED_FD);
	signal(SIGPIPE, SIG_IGN);
	if (argc > 2)
		how = argv[2];
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(page != MAP_FAILED && mprotect(page + PAGE, PAGE, PROT_NONE) == 0, "mmap");
	dark = page + PAGE;
	pair = pair_of(listen_here(), 0);
	if (strcmp(how, "second") == 0)
		write_usual_message();
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0)
			scenarios[i].run();
	close(pair.fd);
	say_what_came(PAGE);
	return 0;
}
