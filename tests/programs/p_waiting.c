/* p_waiting tests that calls do not wait for a peer that does not read, for tests/preload/waiting.c:
 *
 *	p_waiting others|itself FILL CALL
 *	p_waiting beside WRITER [large] CALL
 *
 * others: eight connections are full, and the call is made on another one. itself: it is made on a full one. beside: it
 *is made while another thread is blocked in a write on the same connection. */
#include "p_pairs.h"

#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

extern char **environ;

enum { OTHERS = 8, PIECE = 500, LARGE = 2 << 20, SOON_MS = 300, GIVE_UP_MS = 2000 };
#ifdef __SANITIZE_THREAD__ /* takes as much CPU time for itself as a writer that spins: not measured there */
enum { LITTLE_MS = 1000000 };
#else
enum { LITTLE_MS = 50 };
#endif

static const char *call;

/* --- full connections ------------------------------------------------------------------------- */

static char filler[PIECE];

/* Fills n connections, until none has taken a byte for longer than the kernel waits before it asks a peer again. */
static void fill_all(const struct pair *p, int n, bool seen)
{
	memset(filler, '_', sizeof filler);
	for (int refused = 0; refused < 60; refused++, sleep_us(5000))
		for (int i = 0; i < n; i++)
			while (seen ? send(p[i].fd, filler, PIECE, MSG_DONTWAIT | MSG_NOSIGNAL) > 0
			            : send_unseen(p[i].fd, filler, PIECE, MSG_DONTWAIT) > 0 ||
			                       send_unseen(p[i].fd, filler, 1, MSG_DONTWAIT) > 0)
				refused = 0;
}

/* "behind the head": the head is written while there is room. Otherwise it is written after the buffer was filled, when
 * the kernel would refuse it. */
static void make_full(struct pair *p, int n, int listener, const char *how)
{
	for (int i = 0; i < n; i++) {
		p[i] = pair_of(listener, 2048);
		set_int(p[i].fd, SOL_SOCKET, SO_SNDBUF, 4096);
	}
	for (int i = 0; i < n && strcmp(how, "behind the head") == 0; i++)
		write_head(p[i].fd);
	fill_all(p, n, strcmp(how, "by the library") == 0);
	for (int i = 0; i < n && strcmp(how, "behind the head") != 0; i++)
		send(p[i].fd, HEAD, HEAD_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- the calls -------------------------------------------------------------------------------- */

static long fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static long spawn_once(void)
{
	char *args[] = { (char *)"true", NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/bin/true", NULL, NULL, args, environ) != 0)
		return -1;
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static long ask(int fd, int level, int name)
{
	char value[256];
	socklen_t size = sizeof value;

	return getsockopt(fd, level, name, value, &size);
}

static long make_call(int fd)
{
	char byte;
	int n, one = 1;

	if (strcmp(call, "write") == 0)
		return write(fd, HEAD, HEAD_SIZE) + write(fd, filler, BODY_SIZE);
	if (strcmp(call, "send") == 0)
		return send(fd, "more bytes", 10, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (strcmp(call, "recv") == 0)
		return recv(fd, &byte, 1, MSG_DONTWAIT);
	if (strcmp(call, "close") == 0)
		return close(fd);
	if (strcmp(call, "dup2") == 0)
		return dup2(0, fd) == fd ? 0 : -1;
	if (strcmp(call, "dup") == 0)
		return close(dup(fd));
	if (strcmp(call, "F_DUPFD") == 0)
		return close(fcntl(fd, F_DUPFD, 0));
	if (strcmp(call, "shutdown") == 0)
		return shutdown(fd, SHUT_WR);
	if (strcmp(call, "shutdown both") == 0)
		return shutdown(fd, SHUT_RDWR);
	if (strcmp(call, "keepalive") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	if (strcmp(call, "nodelay") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (strcmp(call, "cork") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &one, sizeof one);
	if (strcmp(call, "TCP_INFO") == 0)
		return ask(fd, IPPROTO_TCP, TCP_INFO);
	if (strcmp(call, "SO_ERROR") == 0)
		return ask(fd, SOL_SOCKET, SO_ERROR);
	if (strcmp(call, "SIOCOUTQ") == 0)
		return ioctl(fd, SIOCOUTQ, &n);
	if (strcmp(call, "fork") == 0)
		return fork_once();
	if (strcmp(call, "spawn") == 0)
		return spawn_once();
	if (strcmp(call, "_exit") == 0)
		_exit(0);
	if (strcmp(call, "exit") == 0)
		exit(0);
	if (strcmp(call, "exec") == 0)
		execl("/bin/true", "true", (char *)NULL);
	report("no such call: %s\n", call);
	return -1;
}

/* --- a process with full connections ---------------------------------------------------------- */

struct trial { /* what the child reports of its call, and of its CPU time before and after it */
	_Atomic int64_t began, ended, cpu_before, cpu;
	long result;
	int error;
};

static void __attribute__((noreturn)) run_trial(struct trial *t, const char *how, bool itself)
{
	struct pair full[OTHERS], own;
	int listener = listen_here();

	own = pair_of(listener, 0);
	make_full(full, OTHERS, listener, how);
	atomic_store(&t->cpu_before, cpu_ms());
	atomic_store(&t->began, now_ns());
	errno = 0;
	t->result = make_call(itself ? full[0].fd : own.fd);
	t->error = t->result < 0 ? errno : 0;
	atomic_store(&t->ended, now_ns());
	atomic_store(&t->cpu, cpu_ms());
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	abort();
}

/* Runs the trial in a child, and kills the child if it waits too long. */
static void alone(const char *how, bool itself)
{
	struct trial *t = (struct trial *)unseen(SYS_mmap, 0, sizeof *t, PROT_READ | PROT_WRITE,
	                                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int64_t took;

	if (pid == 0)
		run_trial(t, how, itself);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (t->began != 0 && now_ns() - t->began > GIVE_UP_MS * MS)
			kill(pid, SIGKILL);
		sleep_us(500);
	}
	took = (t->ended != 0 ? t->ended : now_ns()) - t->began;
	report("result %ld %s, soon: %d, with little CPU time: %d\n", t->result,
	       t->error != 0 ? strerrorname_np(t->error) : "", took < SOON_MS * MS,
	       (t->cpu != 0 ? t->cpu : cpu_ms()) - t->cpu_before < LITTLE_MS);
}

/* --- beside a blocked writer ------------------------------------------------------------------ */

static char body[LARGE];

struct writer {
	const char *how;
	int fd;
	size_t head_size, size;
	long result;
	int error;
	atomic_bool over;
};

static void *write_body(void *argument)
{
	struct writer *w = argument;
	struct iovec iov[2] = { { body, w->size / 2 }, { body + w->size / 2, w->size - w->size / 2 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (strcmp(w->how, "send") == 0)
		w->result = send(w->fd, body, w->size, MSG_NOSIGNAL);
	else if (strcmp(w->how, "sendmsg") == 0)
		w->result = sendmsg(w->fd, &m, 0);
	else if (strcmp(w->how, "writev") == 0)
		w->result = writev(w->fd, iov, 2);
	else
		w->result = write(w->fd, body, w->size);
	w->error = errno;
	atomic_store(&w->over, true);
	return NULL;
}

/* The peer reads everything to the end, and counts the bytes that are not filler. */
static size_t came;

static void *drain(void *argument)
{
	static char piece[65536];
	int client = *(int *)argument;
	long r;

	while ((r = unseen(SYS_read, client, (long)piece, sizeof piece, 0, 0, 0)) > 0)
		for (long i = 0; i < r; i++)
			came += piece[i] != '_';
	return NULL;
}

static const char *outcome(const struct writer *w)
{
	return w->result < 0                  ? strerrorname_np(w->error)
	       : (size_t)w->result == w->size ? "whole"
	       : w->result == 0               ? "nothing"
	                                      : "a part";
}

/* Fills the buffer behind the head; with `large` the body is larger than any buffer instead. */
static void make_writer(struct writer *w, struct pair *p, const char *name, bool large)
{
	char head[128];

	*w = (struct writer){ .how = name, .fd = p->fd, .size = large ? LARGE : 1000 };
	memset(body, 'b', sizeof body);
	set_int(p->fd, SOL_SOCKET, SO_SNDBUF, 32768);
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", w->size);
	w->head_size = strlen(head);
	write_whole(p->fd, head, w->head_size);
	if (!large)
		fill_all(p, 1, false);
}

static void beside(const char *name, bool large)
{
	struct pair p = pair_of(listen_with_segments(), 16384);
	struct writer w;
	pthread_t writer, peer;
	int64_t start, cpu;
	long r;

	make_writer(&w, &p, name, large);
	pthread_create(&writer, NULL, write_body, &w);
	sleep_us(60000);
	start = now_ns();
	cpu = cpu_ms();
	errno = 0;
	r = make_call(p.fd);
	report("%ld %s, soon: %d, ", r, r < 0 ? strerrorname_np(errno) : "", now_ns() - start < SOON_MS * MS);
	sleep_us(150000);
	report("the writer is blocked: %d, little CPU time: %d, ", !atomic_load(&w.over), cpu_ms() - cpu < LITTLE_MS);
	start = now_ns();
	pthread_create(&peer, NULL, drain, &p.client);
	pthread_join(writer, NULL);
	report("then: %s, soon: %d, ", outcome(&w), now_ns() - start < 500 * MS);
	if (strcmp(call, "close") != 0)
		close(p.fd);
	pthread_join(peer, NULL);
	report("as many bytes came: %d\n", came == w.head_size + (w.result > 0 ? (size_t)w.result : 0));
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	shared = shared_map(SHARED_FD);
	signal(SIGPIPE, SIG_IGN);
	call = argv[argc - 1];
	if (strcmp(argv[1], "others") == 0)
		alone(argv[2], false);
	else if (strcmp(argv[1], "itself") == 0)
		alone(argv[2], true);
	else
		beside(argv[2], argc > 4);
	return 0;
}
