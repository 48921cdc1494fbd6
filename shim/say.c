#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "real.h"

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
	static const struct own_moment at_once = { 0, 0 };
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
	long n = fd >= 0 ? own()->syscall(SYS_write, fd, l->text, l->len) : -1;
	int error = n < 0 ? errno : (size_t)n < l->len ? ENOSPC : 0;
	if (fd >= 0 && path != NULL)
		own()->syscall(SYS_close, fd);
	if (error == EPIPE || error == EFBIG)
		own()->syscall(SYS_rt_sigtimedwait, &ours, NULL, &at_once, _NSIG / 8);
	return error;
}

/* Returns 0, or the errno. The file is opened by its name for each line, so that O_NONBLOCK is set for the library
 * only, and the program's own descriptors stay as they are. `path` NULL: stderr, which is a regular file or cannot
 * block now. */
int say_append(const char *path, const struct line *l)
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

void say_complaint(const char *text)
{
	struct line l = { .len = 0 };
	struct pollfd at = { .fd = 2, .events = POLLOUT };
	line_put(&l, text);
	line_end(&l);
	if (!is_peers(at.fd) && own()->poll(&at, 1, 0) == 1 && at.revents == POLLOUT)
		say_append(NULL, &l);
}

/* --- later ------------------------------------------------------------------------------------- */

static struct statx began; /* stderr, as it was in the constructor: later its number may be a connection's */

static bool ask_stderr(struct statx *s)
{
	return own()->syscall(SYS_statx, 2, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, s) == 0;
}

void say_begin(void)
{
	if (!ask_stderr(&began))
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
	return say_append((s->stx_mode & S_IFMT) == S_IFREG ? NULL : "/proc/self/fd/2", l);
}

bool say_line(const struct line *l)
{
	struct statx s;
	return ask_stderr(&s) && is_ours(&s) && tell(&s, l) == 0;
}

void say_failure(atomic_bool *said, const char *what, int error, const char *path)
{
	struct line l = { .len = 0 };
	if (atomic_exchange(said, true))
		return;
	line_put(&l, "onewrite: no ");
	line_put(&l, what);
	line_put(&l, ", ");
	line_error(&l, error);
	line_put(&l, ": ");
	line_put(&l, path);
	line_end(&l);
	if (!say_line(&l))
		atomic_store(said, false);
}
