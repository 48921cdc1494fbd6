/* A preloaded library for tests/preload/interrupted.c that stands in front of libc: each thread that it creates begins
 * with no signal blocked, whatever its creator and its attributes say. The AddressSanitizer of gcc 14 sets the mask of
 * the threads that it creates in the same place. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct start {
	void *(*run)(void *);
	void *arg;
};

static void *unblock(void *start)
{
	struct start s = *(struct start *)start;
	sigset_t none;

	free(start);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	return s.run(s.arg);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr, void *(*run)(void *),
                   void *restrict arg)
{
	struct start *s = malloc(sizeof *s);

	*s = (struct start){ run, arg };
	return ((__typeof__(pthread_create) *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attr, unblock, s);
}
