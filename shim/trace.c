#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#include "real.h"

struct line {
	char text[512];
	size_t len;
};

static void put(struct line *l, const char *s)
{
	while (*s != '\0' && l->len < sizeof l->text - 1)
		l->text[l->len++] = *s++;
}

static void put_number(struct line *l, uint64_t n, int digits)
{
	char buf[24], *p = buf + sizeof buf - 1;
	*p = '\0';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
		digits--;
	} while (n != 0 || digits > 0);
	put(l, p);
}

static void put_error(struct line *l, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ EACCES, "EACCES" }, { EAGAIN, "EAGAIN" }, { EDQUOT, "EDQUOT" },   { EFBIG, "EFBIG" },
		{ EIO, "EIO" },       { EISDIR, "EISDIR" }, { EMFILE, "EMFILE" },   { ENFILE, "ENFILE" },
		{ ENOENT, "ENOENT" }, { ENOSPC, "ENOSPC" }, { ENOTDIR, "ENOTDIR" }, { ENXIO, "ENXIO" },
		{ EPERM, "EPERM" },   { EPIPE, "EPIPE" },   { EROFS, "EROFS" },
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].error == error) {
			put(l, names[i].name);
			return;
		}
	put(l, "errno ");
	put_number(l, (uint64_t)error, 1);
}

/* --- without a wait, without a signal --------------------------------------------------------- */

/* The signals that a write may raise in its own thread: the pipe has no reader; the file is as long as it may be
 * (ulimit -f); another job has the terminal. */
static const int raised[] = { SIGPIPE, SIGXFSZ, SIGTTOU };
enum { RAISED = sizeof raised / sizeof *raised };

/* Takes away the signal that its own write has raised. If such a signal of the program's is pending already, ours could
 * not be told from it, and nothing is written. Returns 0, or the errno; the caller has blocked these signals. */
static int append_unraised(const char *path, const struct line *l)
{
	sigset_t pending, ours;
	static const struct own_moment now = { 0, 0 };
	sigemptyset(&ours);
	if (own()->syscall(SYS_rt_sigpending, &pending, _NSIG / 8) != 0)
		return EPERM;
	for (int i = 0; i < RAISED; i++) {
		if (sigismember(&pending, raised[i]))
			return EAGAIN;
		sigaddset(&ours, raised[i]);
	}
	int fd = path == NULL
	                 ? 2
	                 : (int)own()->syscall(SYS_openat, AT_FDCWD, path,
	                                       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	ssize_t n = fd >= 0 ? libc()->write(fd, l->text, l->len) : -1;
	int error = n < 0 ? errno : (size_t)n < l->len ? ENOSPC : 0;
	if (fd >= 0 && path != NULL)
		libc()->close(fd);
	if (error == EPIPE || error == EFBIG)
		own()->syscall(SYS_rt_sigtimedwait, &ours, NULL, &now, _NSIG / 8);
	return error;
}

/* Returns 0, or the errno. The file is opened by its name for each line, so that O_NONBLOCK is set for the library
 * only, and the program's own descriptors stay as they are. `path` NULL: stderr, which is a regular file or cannot
 * block now. */
static int append(const char *path, const struct line *l)
{
	sigset_t ours, before;
	sigemptyset(&ours);
	for (int i = 0; i < RAISED; i++)
		sigaddset(&ours, raised[i]);
	if (own_sigmask(SIG_BLOCK, &ours, &before) != 0)
		return EPERM;
	int error = append_unraised(path, l);
	own_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* --- before the program begins ---------------------------------------------------------------- */

/* Is stderr a network connection (in a service of inetd's)? Then a line of ours would be a part of what the peer
 * reads. */
static bool is_peers(int fd)
{
	int domain = 0;
	socklen_t size = sizeof domain;
	return libc()->getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_UNIX;
}

void trace_complain(const char *text)
{
	struct line l = { .len = 0 };
	struct pollfd at = { .fd = 2, .events = POLLOUT };
	put(&l, text);
	l.text[l.len++] = '\n';
	if (!is_peers(at.fd) && own()->poll(&at, 1, 0) == 1 && at.revents == POLLOUT)
		append(NULL, &l);
}

/* --- why there is no trace -------------------------------------------------------------------- */

static struct statx began; /* stderr, as it was in the constructor: later its number may be a connection's */
static atomic_uint dropped;
static atomic_bool said;

static bool ask_stderr(struct statx *s)
{
	return own()->syscall(SYS_statx, 2, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, s) == 0;
}

void trace_begin(void)
{
	if (config.trace != NULL && !ask_stderr(&began))
		began.stx_mask = 0;
}

static bool is_ours(const struct statx *s)
{
	return began.stx_mask != 0 && s->stx_ino == began.stx_ino && s->stx_dev_major == began.stx_dev_major &&
	       s->stx_dev_minor == began.stx_dev_minor;
}

static int tell(const struct statx *s, const struct line *l)
{
	if ((s->stx_mode & S_IFMT) == S_IFSOCK)
		return libc()->send(2, l->text, l->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
	/* A file has one position to write at, for the program and for the library, so it is not opened again. */
	return append((s->stx_mode & S_IFMT) == S_IFREG ? NULL : "/proc/self/fd/2", l);
}

/* Tells stderr once why there is no trace. Each later line is tried all the same. */
static void say_why(int error)
{
	struct line l = { .len = 0 };
	struct statx s;
	if (atomic_load(&said) || !ask_stderr(&s) || !is_ours(&s) || atomic_exchange(&said, true))
		return;
	put(&l, "onewrite: no trace, ");
	put_error(&l, error);
	put(&l, ": ");
	put(&l, config.trace);
	l.text[l.len++] = '\n';
	if (tell(&s, &l) != 0)
		atomic_store(&said, false);
}

void trace_line(int fd, const char *state, const char *event, const char *action, const char *why, size_t bytes)
{
	struct line l = { .len = 0 };
	struct own_moment t;
	int saved = errno, cancel = PTHREAD_CANCEL_DISABLE;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	own_clock(CLOCK_REALTIME, &t);
	put_number(&l, (uint64_t)t.s, 1);
	put(&l, ".");
	put_number(&l, (uint64_t)t.ns / 1000, 6);
	put(&l, " pid=");
	put_number(&l, (uint64_t)own_pid(), 1);
	put(&l, " fd=");
	put_number(&l, (uint64_t)fd, 1);
	const char *words[] = { state, event, action, why };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		put(&l, " ");
		put(&l, words[i]);
	}
	put(&l, " bytes=");
	put_number(&l, bytes, 1);
	unsigned lost = atomic_load(&dropped);
	if (lost != 0) {
		put(&l, " dropped=");
		put_number(&l, lost, 1);
	}
	l.text[l.len++] = '\n';
	int error = append(config.trace, &l);
	if (error == 0 && lost != 0)
		atomic_fetch_sub(&dropped, lost);
	if (error != 0) {
		atomic_fetch_add(&dropped, 1);
		say_why(error);
	}
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}
