#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
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
	l.text[l.len++] = '\n';
	int out = (int)own()->syscall(SYS_openat, AT_FDCWD, config.trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (out >= 0) {
		(void)!libc()->write(out, l.text, l.len);
		libc()->close(out);
	}
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}
