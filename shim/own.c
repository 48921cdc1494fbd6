#include "own.h"

#include <fcntl.h>
#include <stddef.h>

#include "object.h"

static int clock_by_number(clockid_t clock, struct own_moment *now)
{
	return (int)own()->syscall(SYS_clock_gettime, clock, now);
}

static void no_testcancel(void)
{
}

/* These two are called for each message without a check: their pointers are valid before the look-up, and where libc
 * lacks the functions. */
struct own own_functions = { .clock_gettime = clock_by_number };
struct threads own_threads = { .pthread_testcancel = no_testcancel };
bool own_ready;

static const struct wanted {
	const char *name;
	void **where;
	bool libcs;  /* libc's own if libc has it; false: the one that all libraries share */
	bool spared; /* the library can do without it */
} wanted[] = {
#define X(name) { #name, (void **)&own_functions.name, true, false },
	X(syscall) X(clock_gettime) X(poll) X(raise) X(sigaction) X(sigaltstack)
#undef X
		{ "fstat", (void **)&own_functions.fstat, true, true },
	{ "__fxstat", (void **)&own_functions.__fxstat, true, true },
#define X(name) { #name, (void **)&own_threads.name, false, true },
	THREADS(X) X(pthread_clockjoin_np)
#undef X
};
enum { WANTED = sizeof wanted / sizeof *wanted };

struct search {
	bool in_libc, glibc;
	void *found[WANTED];
};

/* dl_iterate_phdr() lists objects in the order in which names are looked up. */
__attribute__((cold)) static int look_into(struct dl_phdr_info *object, size_t size, void *to)
{
	struct search *s = to;
	(void)size;
	if (s->in_libc && !object_is_libc(object))
		return 0;
	struct object_symbols in = object_symbols(object);
	if (s->in_libc && object_find(&in, "gnu_get_libc_version", NULL) != NULL)
		s->glibc = true;
	for (size_t i = 0; i < WANTED; i++)
		if (s->found[i] == NULL && (wanted[i].libcs || !s->in_libc))
			s->found[i] = object_find(&in, wanted[i].name, NULL);
	return 0;
}

/* Takes no lock: two threads that come here together store the same addresses. */
__attribute__((cold)) void own_begin(void)
{
	struct search s = { .in_libc = true };
	dl_iterate_phdr(look_into, &s);
	s.in_libc = false;
	dl_iterate_phdr(look_into, &s);
	for (size_t i = 0; i < WANTED; i++)
		if (s.found[i] != NULL)
			__atomic_store_n(wanted[i].where, s.found[i], __ATOMIC_RELAXED);
	__atomic_store_n(&own_functions.is_glibc, s.glibc, __ATOMIC_RELAXED);
	__atomic_store_n(&own_ready, true, __ATOMIC_RELEASE);
}

bool own_is_whole(void)
{
	own();
	for (size_t i = 0; i < WANTED; i++)
		if (!wanted[i].spared && *wanted[i].where == NULL)
			return false;
	return true;
}

bool own_file(const char *path, struct own_file *f)
{
#ifdef SYS_newfstatat
	struct stat s;
	if (own()->syscall(SYS_newfstatat, AT_FDCWD, path, &s, 0) != 0)
		return false;
	*f = (struct own_file){ (unsigned long)s.st_nlink, s.st_uid };
#else /* libc's struct stat64 is not always the kernel's */
	struct statx s;
	if (own()->syscall(SYS_statx, AT_FDCWD, path, 0, STATX_NLINK | STATX_UID, &s) != 0)
		return false;
	*f = (struct own_file){ s.stx_nlink, s.stx_uid };
#endif
	return true;
}

/* glibc before 2.33 exports fstat() only as __fxstat(). Its struct stat is the same as today's where a long has 64
 * bits; elsewhere the question is not asked. */
int own_fstat(int fd, struct stat *s)
{
	enum { AS_THE_KERNEL_HAS_IT = 0 };
	if (own()->fstat != NULL)
		return own()->fstat(fd, s);
	return sizeof(long) == 8 && own()->__fxstat != NULL ? own()->__fxstat(AS_THE_KERNEL_HAS_IT, fd, s) : -1;
}
