/* p_left STATE WAY leaves connections whose peers do not read, for tests/preload/left.c: what a program was told is
 * written must arrive all the same, and in the state `unseen` a close must report what is lost.
 *
 * STATE: `nearly`, the send buffer has room for a head and hardly more; `middle`, a body filled it; `unseen`, it was
 * filled behind a head by system calls that no hook sees; `interrupted`, the same, but the peer reads while the program
 * leaves, and signals come all the time; `small`, as `unseen`, and the program had asked for a small buffer; `many`,
 * there are many connections with a head each. The parent is the peer. With a third argument the socket is a
 * non-blocking one. */
#include "p_pairs.h"

#include <linux/close_range.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { PIECE = 1000, MOST = 100, SOON_MS = 300, READS_AFTER_MS = 50, UNUSED = 900 };

struct told {
	_Atomic uint64_t bytes, sum;  /* of what was taken, in order */
	_Atomic int64_t began, ended; /* when the program began to leave, and when it had left (now_ns) */
	_Atomic int stage;
	_Atomic int refused; /* close() failed, or a later write, otherwise than for want of room */
};

enum { FILLING = 0, READ_SLOWLY, LEAVING };

static struct told *told;
static const char *state, *way;
static bool nonblock, unseen_filler;
static int listener, fds[MOST], connections = 1;

static uint64_t sum_of(uint64_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)p[i]) * UINT64_C(1099511628211) + 1;
	return sum;
}

/* Counts bytes and adds them to the checksum. Where it is written behind a head, the filler that no hook saw may come
 * before the head, so its bytes are counted only. */
static void note(struct told *t, const char *p, size_t n)
{
	if (unseen_filler && n > 0 && p[0] == '_')
		atomic_fetch_add(&t->bytes, n);
	else {
		atomic_store(&t->sum, sum_of(atomic_load(&t->sum), p, n));
		atomic_fetch_add(&t->bytes, n);
	}
}

/* --- the program ------------------------------------------------------------------------------ */

static long put(int fd, const char *p, size_t n)
{
	long r = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (r > 0)
		note(told, p, (size_t)r);
	return r;
}

/* Fills the buffer until nothing has been taken for longer than the kernel waits before it asks the peer again whether
 * it has room. */
static void fill(int fd, const char *piece, bool seen)
{
	for (int refused = 0; refused < 60;) {
		long r = seen ? put(fd, piece, PIECE) : send_unseen(fd, piece, PIECE, MSG_DONTWAIT);

		if (!seen && r <= 0)
			r = send_unseen(fd, piece, 1, MSG_DONTWAIT);
		if (!seen && r > 0)
			note(told, piece, (size_t)r);
		refused = r > 0 ? 0 : refused + 1;
		if (r <= 0)
			sleep_us(5000);
	}
}

static void prepare(int fd)
{
	static const char long_head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
	char filler[PIECE], body[PIECE];

	memset(filler, '_', PIECE);
	memset(body, 'b', PIECE);
	if (strcmp(state, "nearly") == 0) {
		fill(fd, filler, true);
		atomic_store(&told->stage, READ_SLOWLY);
		while (put(fd, HEAD, HEAD_SIZE) < 0)
			sleep_us(200);
	} else if (strcmp(state, "middle") == 0) {
		put(fd, long_head, sizeof long_head - 1);
		fill(fd, body, true);
	} else {
		put(fd, HEAD, HEAD_SIZE);
		if (unseen_filler)
			fill(fd, filler, false);
	}
}

/* Writes what follows the head: on another number, in another process, or where the library does nothing more. */
static void write_rest(int fd)
{
	char body[BODY_SIZE];

	memset(body, 'r', sizeof body);
	for (size_t done = 0; done < sizeof body && !atomic_load(&told->refused);) {
		long r = put(fd, body + done, sizeof body - done);

		atomic_store(&told->refused, r < 0 && errno != EAGAIN);
		if (r < 0)
			sleep_us(200);
		done += r < 0 ? 0 : (size_t)r;
	}
}

static void leave(int fd)
{
	int copy;

	if (strcmp(way, "close") == 0)
		atomic_store(&told->refused, close(fd) != 0);
	else if (strcmp(way, "dup2") == 0)
		dup2(0, fd);
	else if (strcmp(way, "close_range") == 0)
		close_range((unsigned)fd, (unsigned)fd, 0);
	else if (strcmp(way, "fclose") == 0)
		fclose(fdopen(fd, "w"));
	else if (strcmp(way, "shutdown") == 0)
		shutdown(fd, SHUT_WR);
	else if (strcmp(way, "retire") == 0) {
		close_range(UNUSED, UNUSED, CLOSE_RANGE_UNSHARE); /* numbers are this thread's own now */
		atomic_store(&told->ended, now_ns());
		atomic_store(&told->stage, LEAVING);
		write_rest(fd);
	} else if (strcmp(way, "dup") == 0) {
		copy = dup(fd);
		close(fd);
		atomic_store(&told->ended, now_ns());
		atomic_store(&told->stage, LEAVING); /* now the peer reads */
		write_rest(copy);
		close(copy);
	} else if (strcmp(way, "fork") == 0 && fork() == 0) {
		atomic_store(&told->ended, now_ns());
		atomic_store(&told->stage, LEAVING);
		write_rest(fd);
		_exit(0);
	}
}

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

static void interrupt_often(void)
{
	static const struct itimerval often = { { 0, 3000 }, { 0, 3000 } };

	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = do_nothing }, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void __attribute__((noreturn)) run_program(void)
{
	for (int i = 0; i < connections; i++) {
		fds[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		must(fds[i] >= 0, "accept");
		if (nonblock)
			fcntl(fds[i], F_SETFL, O_NONBLOCK);
		if (strcmp(state, "small") == 0)
			set_int(fds[i], SOL_SOCKET, SO_SNDBUF, 4096);
		if (strcmp(state, "interrupted") == 0)
			set_int(fds[i], SOL_SOCKET, SO_SNDBUF, 200000); /* no close makes this larger */
	}
	for (int i = 0; i < connections; i++)
		prepare(fds[i]);
	if (strcmp(state, "interrupted") == 0)
		interrupt_often();
	atomic_store(&told->began, now_ns());
	for (int i = 0; i < connections; i++)
		leave(fds[i]);
	if (strcmp(way, "exec") == 0)
		execl("/bin/true", "true", (char *)NULL);
	if (strcmp(way, "_exit") == 0)
		_exit(0);
	if (strcmp(way, "quick_exit") == 0)
		quick_exit(0);
	if (strcmp(way, "exit") == 0)
		exit(0);
	if (strcmp(way, "fork") == 0)
		waitpid(-1, NULL, 0);
	else if (atomic_load(&told->ended) == 0)
		atomic_store(&told->ended, now_ns());
	atomic_store(&told->stage, LEAVING);
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	abort();
}

/* --- the peer --------------------------------------------------------------------------------- */

static void read_slowly(int client, struct told *got)
{
	char piece[512];

	while (atomic_load(&told->began) == 0) {
		long r = atomic_load(&told->stage) == READ_SLOWLY
		                 ? unseen(SYS_recvfrom, client, (long)piece, sizeof piece, MSG_DONTWAIT, 0, 0)
		                 : 0;

		if (r > 0)
			note(got, piece, (size_t)r);
		sleep_us(1000);
	}
}

/* Notes bytes of both kinds, filler and others, that came in one piece. */
static void note_mixed(struct told *got, const char *p, size_t n)
{
	for (size_t i = 0, k; i < n; i += k) {
		for (k = 1; i + k < n && (p[i + k] == '_') == (p[i] == '_');)
			k++;
		note(got, p + i, k);
	}
}

static bool read_to_the_end(int client, struct told *got)
{
	static char piece[65536];
	long r;

	while (poll(&(struct pollfd){ client, POLLIN, 0 }, 1, 3000) == 1) {
		r = unseen(SYS_read, client, (long)piece, sizeof piece, 0, 0, 0);
		if (r <= 0)
			return r == 0;
		note_mixed(got, piece, (size_t)r);
	}
	return false;
}

/* Waits until the program has left, at most 1.5 s. Then the peer reads anyway, which lets a program that waits for it
 * go on. In the state `interrupted` that is to be so. */
static void wait_until_left(pid_t pid)
{
	bool ends = strcmp(way, "exec") == 0 || strstr(way, "exit") != NULL;
	int64_t until = strcmp(state, "interrupted") == 0 ? told->began + READS_AFTER_MS * MS : now_ns() + 1500 * MS;

	while (now_ns() < until) {
		if (ends ? waitpid(pid, NULL, WNOHANG) == pid : atomic_load(&told->stage) == LEAVING)
			break;
		sleep_us(200);
	}
	if (atomic_load(&told->ended) == 0)
		atomic_store(&told->ended, now_ns());
}

int main(int argc, char **argv)
{
	struct told got = { .stage = 0 };
	int clients[MOST], ends = 0;
	pid_t pid;

	if (argc < 3)
		return 2;
	shared = shared_map(SHARED_FD);
	state = argv[1];
	way = argv[2];
	unseen_filler = strcmp(state, "unseen") == 0 || strcmp(state, "interrupted") == 0 ||
	                strcmp(state, "small") == 0;
	nonblock = argc > 3;
	connections = strcmp(state, "many") == 0 ? MOST : 1;
	told = (struct told *)unseen(SYS_mmap, 0, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	                             0);
	listener = listen_with_segments();
	pid = fork();
	if (pid == 0)
		run_program();
	for (int i = 0; i < connections; i++)
		clients[i] = dial(listener, 16384);
	if (connections == 1)
		read_slowly(clients[0], &got);
	wait_until_left(pid);
	for (int i = 0; i < connections; i++)
		ends += read_to_the_end(clients[i], &got);
	waitpid(pid, NULL, 0);
	if (strcmp(state, "unseen") == 0) {
		bool lost = atomic_load(&got.bytes) != atomic_load(&told->bytes);
		bool can_tell = strcmp(way, "close") == 0 || strcmp(way, "retire") == 0;

		report("bytes were lost in silence: %d, left soon: %d\n",
		       lost && can_tell && !atomic_load(&told->refused), told->ended - told->began < SOON_MS * MS);
		return 0;
	}
	if (atomic_load(&got.bytes) != atomic_load(&told->bytes))
		report("%lu bytes of %lu came\n", (unsigned long)got.bytes, (unsigned long)told->bytes);
	report("all is there: %d, in order: %d, with the end: %d, left soon: %d\n", got.bytes == told->bytes,
	       got.sum == told->sum, ends == connections, told->ended - told->began < SOON_MS * MS);
	return 0;
}
