/* A preloaded library for tests/preload/interrupted.c that stands in front of libc: whatever its attributes say, each
 * thread that it creates begins with its creator's signal mask, but for SIGUSR2, which is not blocked; and it begins 20
 * ms later. The AddressSanitizer of gcc 14 sets the mask of its threads in the same place. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct start {
	void *(*run)(void *);
	void *arg;
	sigset_t mask;
};

static void *begin(void *start)
{
	struct start s = *(struct start *)start;

	free(start);
	sigdelset(&s.mask, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &s.mask, NULL);
	nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	return s.run(s.arg);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr, void *(*run)(void *),
                   void *restrict arg)
{
	struct start *s = malloc(sizeof *s);

	*s = (struct start){ .run = run, .arg = arg };
	pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
	return ((__typeof__(pthread_create) *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attr, begin, s);
}
