/* p_blocked END CALL ends a write that waits on a full socket, for tests/preload/blocked.c: END says by what, CALL is
 * the write.
 *
 * Twelve children try it, each with a body of one of four sizes, behind a head of one of three kinds: "held", the
 * buffer becomes full while the library holds the head; "sent", the head has gone by then; "tight", the head is written
 * when there is room for a part of it. Each child reports what its write returned, whether it ended soon and used no
 * CPU time before, and whether the peer got the right bytes. */
#include "p_pairs.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { CASES = 12, BLOCKED_MS = 60, LITTLE_MS = 30, LARGEST = 2 << 20 };
#ifdef __SANITIZE_THREAD__ /* reads the 2 MiB ten times as slowly */
enum { SOON_MS = 3000 };
#else
enum { SOON_MS = 300 };
#endif

static const size_t sizes[] = { 1, 1000, 40000, LARGEST };
static const char *const heads[] = { "held", "sent", "tight" };
enum { HELD, SENT, TIGHT, HEADS, ROOM_LEFT = 30 };

#define TAIL "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
enum { TAIL_SIZE = sizeof TAIL - 1 };

static const char *end_by, *call;
static char body[LARGEST], head[128];
static size_t head_size, size;
static int fd, client;

/* --- the writer ------------------------------------------------------------------------------- */

static size_t told; /* how many bytes of head and body, in order, the program was told were taken */
static int error;
static bool left; /* by a jump or a cancellation, so the program does not know what the call did */
static atomic_bool begun, over;
static sigjmp_buf out;

static void jump(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

static void nothing(int number)
{
	(void)number;
}

static bool ends(const char *way)
{
	return strcmp(end_by, way) == 0;
}

static long write_by_call(char *p, size_t n)
{
	struct iovec iov[2] = { { p, n / 2 }, { p + n / 2, n - n / 2 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (strcmp(call, "send") == 0)
		return send(fd, p, n, MSG_NOSIGNAL);
	if (strcmp(call, "sendmsg") == 0)
		return sendmsg(fd, &m, 0);
	if (strcmp(call, "writev") == 0)
		return writev(fd, iov, 2);
	return write(fd, p, n);
}

/* Goes on after a short count, and stops at an error, as programs do. */
static void write_rest(void)
{
	while (told < head_size + size && error == 0) {
		bool in_head = told < head_size;
		long r = in_head ? write_by_call(head + told, head_size - told)
		                 : write_by_call(body + told - head_size, head_size + size - told);

		if (r < 0)
			error = errno;
		else
			told += (size_t)r;
	}
}

static void *write_message(void *argument)
{
	(void)argument;
	if (ends("cancel at once"))
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	if (sigsetjmp(out, 1) == 0) {
		atomic_store(&begun, true);
		write_rest();
	} else {
		left = true;
	}
	atomic_store(&over, true);
	return NULL;
}

/* --- the peer --------------------------------------------------------------------------------- */

static char stream[LARGEST + 1024];
static size_t came;

/* Reads to the end of the stream, and drops the filler. */
static void *read_all(void *argument)
{
	static char piece[65536];
	long r;

	(void)argument;
	while ((r = unseen(SYS_read, client, (long)piece, sizeof piece, 0, 0, 0)) > 0)
		for (long i = 0; i < r; i++)
			if (piece[i] != '_' && came < sizeof stream)
				stream[came++] = piece[i];
	return NULL;
}

/* The peer got as much of head and body as the program was told, followed by the tail if one was written. */
static bool is_right(bool tail)
{
	size_t behind = tail ? TAIL_SIZE : 0, part = told, of_head;

	if (left && came >= told + behind)
		part = came - behind;
	of_head = part < head_size ? part : head_size;
	return came == part + behind && part <= head_size + size && memcmp(stream, head, of_head) == 0 &&
	       memcmp(stream + of_head, body, part - of_head) == 0 && memcmp(stream + part, TAIL, behind) == 0;
}

static void reset(void)
{
	struct linger hard = { 1, 0 };

	setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(client);
}

/* --- one case --------------------------------------------------------------------------------- */

/* Fills the buffer with `most` bytes, or until it has been full for so long that the kernel will not make more room in
 * it. Returns how many bytes were taken. */
static size_t fill(int to, size_t most)
{
	char filler[500];
	size_t n = 0;

	memset(filler, '_', sizeof filler);
	for (int refused = 0; refused < 60 && n < most;) {
		size_t piece = most - n < sizeof filler ? most - n : sizeof filler;
		long r = send_unseen(to, filler, piece, MSG_DONTWAIT);

		if (r <= 0)
			r = send_unseen(to, filler, 1, MSG_DONTWAIT);
		refused = r > 0 ? 0 : refused + 1;
		n += r > 0 ? (size_t)r : 0;
		if (r <= 0)
			sleep_us(5000);
	}
	return n;
}

static struct pair narrow_pair(int listener)
{
	struct pair p = pair_of(listener, 16384);

	set_int(p.fd, SOL_SOCKET, SO_SNDBUF, 32768);
	return p;
}

static size_t room_of_another(int listener)
{
	struct pair p = narrow_pair(listener);
	size_t n = fill(p.fd, SIZE_MAX);

	close(p.fd);
	close(p.client);
	return n;
}

static void prepare(int kind)
{
	int listener = listen_with_segments();
	size_t room = kind == TIGHT ? room_of_another(listener) - ROOM_LEFT : SIZE_MAX;
	struct pair p = narrow_pair(listener);
	struct timeval patience = { 0, 100000 };
	struct sigaction act = { .sa_handler = ends("jump") ? jump : nothing,
		                 .sa_flags = ends("restart") ? SA_RESTART : 0 };
	char byte;

	fd = p.fd;
	client = p.client;
	sigaction(SIGUSR1, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (ends("timeout"))
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	for (size_t i = 0; i < size; i++)
		body[i] = body_byte(i);
	head_size = (size_t)snprintf(head, sizeof head,
	                             "HTTP/1.1 200 OK\r\nServer: %060d\r\nContent-Length: %zu\r\n\r\n", 0, size);
	if (kind != TIGHT) {
		write_whole(fd, head, head_size);
		told = head_size;
	}
	if (kind == SENT)
		recv(fd, &byte, 1, MSG_DONTWAIT);
	fill(fd, room);
}

/* Ends the write as END says, or causes what is to end it. */
static void meddle(pthread_t writer)
{
	if (strncmp(end_by, "cancel", 6) == 0) {
		pthread_cancel(writer);
		left = true;
	} else if (ends("jump") || ends("handler") || ends("restart"))
		pthread_kill(writer, SIGUSR1);
	else if (ends("close"))
		close(fd);
	else if (ends("reset"))
		reset();
}

/* A handler ends one call only; the signal is repeated while the program goes on with another call. */
static void meddle_until_over(pthread_t writer)
{
	meddle(writer);
	while (ends("handler") && !atomic_load(&over)) {
		sleep_us(20000);
		if (!atomic_load(&over))
			pthread_kill(writer, SIGUSR1);
	}
}

static const char *outcome(int kind)
{
	if (ends("close") && kind != SENT)
		/* the close may come before the next call or while it is made; a held head that waits for room goes
		 * with the close */
		return "closed";
	return left ? "left" : error != 0 ? strerrorname_np(error) : "whole";
}

static void run_case(size_t i, char *line, size_t room)
{
	bool peer_reads = ends("restart") || ends("close") || ends("peer"), resets = ends("reset"),
	     open = !ends("close");
	int64_t start, cpu;
	pthread_t writer, peer;

	size = sizes[i / HEADS];
	prepare((int)(i % HEADS));
	cpu = cpu_ms();
	pthread_create(&writer, NULL, write_message, NULL);
	while (!atomic_load(&begun))
		sleep_us(200);
	sleep_us(BLOCKED_MS * 1000);
	cpu = cpu_ms() - cpu;
	start = now_ns();
	meddle_until_over(writer);
	if (peer_reads) {
		sleep_us(BLOCKED_MS * 1000);
		pthread_create(&peer, NULL, read_all, NULL);
	}
	pthread_join(writer, NULL);
	start = now_ns() - start;
	if (!peer_reads && !resets)
		pthread_create(&peer, NULL, read_all, NULL);
	if (open && !resets)
		write_whole(fd, TAIL, TAIL_SIZE);
	if (open)
		close(fd);
	if (!resets)
		pthread_join(peer, NULL);
	snprintf(line, room, "%zu, %s: %s, soon: %d, little CPU time: %d, right bytes: %d\n", size, heads[i % HEADS],
	         outcome((int)(i % HEADS)), start < SOON_MS * MS, cpu < LITTLE_MS, resets || is_right(open));
}

int main(int argc, char **argv)
{
	enum { ROOM = 120 };
	char *lines = (char *)unseen(SYS_mmap, 0, (long)CASES * ROOM, PROT_READ | PROT_WRITE,
	                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[CASES];

	if (argc != 3)
		return 2;
	shared = shared_map(SHARED_FD);
	end_by = argv[1];
	call = argv[2];
	for (size_t i = 0; i < CASES; i++) {
		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		alarm(5);
		run_case(i, lines + i * ROOM, ROOM);
		unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	}
	for (size_t i = 0; i < CASES; i++) {
		int status;

		waitpid(pid[i], &status, 0);
		if (status != 0)
			report("%zu, %s: ended with wait status %#x\n", sizes[i / HEADS], heads[i % HEADS],
			       (unsigned)status);
		report("%s", lines + i * ROOM);
	}
	return 0;
}
