/* p_unread SHAPE writes bodies of which the kernel can read only a part, and the library must not read any, for
 * tests/preload/unread.c.
 *
 * For each kind of memory and each call a child reports what its write returned, and whether the peer got just what the
 * child was told. */
#include "p_pairs.h"

#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { PAGE = 4096, PAGES = 16, GOOD_PAGES = 4, SIZE = PAGES * PAGE, FRONT = 100 };

static const char *const memories[] = { "truncated", "forbidden", "unmapped", "null" };
static const char *const calls[] = { "write", "writev", "writev, bad first", "send", "sendmsg", "SYS_write" };
enum { MEMORIES = sizeof memories / sizeof *memories, CALLS = sizeof calls / sizeof *calls };

static const char *shape;
static char front[FRONT]; /* readable bytes of the body, for calls with two pieces */

static char *make_memory(const char *kind)
{
	int file = memfd_create("body", MFD_CLOEXEC);
	char *p;

	if (strcmp(kind, "null") == 0)
		return NULL;
	must(ftruncate(file, SIZE) == 0, "ftruncate");
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	must(p != MAP_FAILED, "mmap");
	memset(p, 'b', SIZE);
	if (strcmp(kind, "truncated") == 0)
		must(ftruncate(file, GOOD_PAGES * PAGE) == 0, "ftruncate");
	else if (strcmp(kind, "forbidden") == 0)
		must(mprotect(p + GOOD_PAGES * PAGE, (PAGES - GOOD_PAGES) * PAGE, PROT_NONE) == 0, "mprotect");
	else
		must(munmap(p + GOOD_PAGES * PAGE, (PAGES - GOOD_PAGES) * PAGE) == 0, "munmap");
	return p;
}

/* Writes n bytes of the body by the call. In calls with two pieces FRONT of them are `front`. */
static long write_by(const char *call, int fd, char *p, size_t n)
{
	bool bad_first = strcmp(call, "writev, bad first") == 0;
	struct iovec iov[2] = { { front, FRONT }, { p, n - FRONT } },
		     turned[2] = { { p, n - FRONT }, { front, FRONT } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (strncmp(call, "writev", 6) == 0)
		return writev(fd, bad_first ? turned : iov, 2);
	if (strcmp(call, "sendmsg") == 0)
		return sendmsg(fd, &m, MSG_NOSIGNAL);
	if (strcmp(call, "send") == 0)
		return send(fd, p, n, 0);
	if (strcmp(call, "SYS_write") == 0)
		return syscall(SYS_write, fd, p, n);
	return write(fd, p, n);
}

/* Writes the body up to the first error. Returns how many bytes were taken. */
static size_t write_body(const char *call, int fd, char *p, size_t piece)
{
	size_t taken = 0;

	for (size_t at = 0; at < SIZE; at += piece) {
		long r = write_by(call, fd, p + at, piece);

		if (r > 0)
			taken += (size_t)r;
		if (r != (long)piece)
			return taken;
	}
	return taken;
}

/* Writes head and body in one call of the program's own. */
static size_t write_together(const char *head, int fd, char *p)
{
	struct iovec iov[2] = { { (char *)head, strlen(head) }, { p, SIZE } };
	long r = writev(fd, iov, 2);

	return r < 0 ? 0 : (size_t)r;
}

static void write_usual_message(const struct pair *p)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n", head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
	char got[256];

	for (int i = 0; i < 2; i++) {
		must(send_unseen(p->client, request, sizeof request - 1, 0) > 0, "asking");
		must(read(p->fd, got, sizeof got) > 0, "reading");
		if (i == 1)
			break;
		write_whole(p->fd, head, sizeof head - 1);
		write_whole(p->fd, "hello", 5);
		must(take(p->client, got, sizeof head + 4, now_ns() + 1000 * MS) == sizeof head + 4,
		     "the first answer");
	}
}

/* Reads all that comes. SIZE_MAX: it is not the head followed by bytes of the body. */
static size_t read_all(int client, const char *head)
{
	static char got[2 * SIZE];
	size_t came = take(client, got, sizeof got, now_ns() + 2000 * MS), n = strlen(head);

	if (memcmp(got, head, came < n ? came : n) != 0)
		return SIZE_MAX;
	for (size_t i = n; i < came; i++)
		if (got[i] != 'b' && got[i] != 'f')
			return SIZE_MAX;
	return came;
}

static bool is_shape(const char *name)
{
	return strncmp(shape, name, strlen(name)) == 0;
}

/* Makes what comes before the body: the head, and with chunks the first size line as well. */
static void make_head(char *to, size_t size)
{
	if (is_shape("chunk"))
		snprintf(to, size, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", SIZE);
	else if (is_shape("to the end"))
		snprintf(to, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	else
		snprintf(to, size, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
}

static size_t write_all(const char *call, int fd, char *body, const char *head, size_t piece)
{
	size_t first = (size_t)(strstr(head, "\r\n\r\n") + 4 - head);

	if (is_shape("together"))
		return write_together(head, fd, body);
	write_whole(fd, head, first);
	if (head[first] != '\0')
		write_whole(fd, head + first, strlen(head + first));
	errno = 0;
	return strlen(head) + write_body(call, fd, body, piece);
}

static void try(const char *memory, const char *call)
{
	struct pair p = pair_of(listen_here(), 1 << 20);
	char *body = make_memory(memory), head[160];
	size_t piece = strstr(shape, "many") != NULL ? PAGE : SIZE, taken;
	int error;

	memset(front, 'f', FRONT);
	if (is_shape("second"))
		write_usual_message(&p);
	make_head(head, sizeof head);
	errno = 0;
	taken = write_all(call, p.fd, body, head, piece);
	error = errno;
	/* How many bytes were taken before the bad ones depends on how the kernel copies, so the next call is made at
	 * the bad ones, and can take none. */
	if (error == 0 && write(p.fd, body == NULL ? NULL : body + GOOD_PAGES * PAGE, SIZE - GOOD_PAGES * PAGE) < 0)
		error = errno;
	close(p.fd);
	report("%s, %s: %s, bytes right: %d%s\n", memory, call, error == 0 ? "no error" : strerrorname_np(error),
	       read_all(p.client, head) == taken,
	       piece == PAGE && taken - strlen(head) >= GOOD_PAGES * PAGE ? ", good pages taken" : "");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	shared = shared_map(SHARED_FD);
	shape = argv[1];
	for (int i = 0; i < MEMORIES; i++)
		for (int k = 0; k < CALLS; k++) {
			pid_t pid = fork();
			int status;

			if (pid == 0) {
				alarm(5);
				try(memories[i], calls[k]);
				_exit(0);
			}
			waitpid(pid, &status, 0);
			if (status != 0)
				report("%s, %s: ended with wait status %#x\n", memories[i], calls[k], (unsigned)status);
		}
	return 0;
}
