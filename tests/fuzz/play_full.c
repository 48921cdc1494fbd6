/* Carries out STUCK: the peer does not read, the send buffer is full, a write has to wait, and something ends the
 * write. */
#include "play_full.h"

#include <pthread.h>
#include <setjmp.h>
#include <linux/sock_diag.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	CHUNK = 600,
	BLOCKED_MS = 60, /* far less than the peer's patience */
	BUFFER = 2500,   /* the bytes that the kernel counts for a small segment */
};

/* --- a full socket ---------------------------------------------------------------------------- */

/* The peer has everything before it stops, so the buffer has room. */
void stop_peer(int conn, int ms)
{
	await_peer(conn);
	atomic_store(&board->forced[conn], 0);
	tell_peer(I_STOP, conn, 0, ms);
	WAIT_UNTIL(atomic_load(&board->stopped[conn]) || atomic_load(&board->forced[conn]));
}

void let_peer_go(int conn)
{
	tell_peer(I_GO, conn, 0, 0);
	WAIT_UNTIL(!atomic_load(&board->stopped[conn]));
}

/* By how many bytes the queue exceeds the send buffer's limit; below 0: how many more are allowed. */
static int64_t excess(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof info;
	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return (int64_t)info[SK_MEMINFO_WMEM_QUEUED] - info[SK_MEMINFO_SNDBUF];
}

/* Fills the socket without waiting. Returns how many bytes of filler() it took. */
uint32_t fill(int fd, enum filling filling, uint32_t salt)
{
	struct chance c = { salt };
	char bytes[CHUNK];
	uint32_t done = 0;
	int size = 4096 << below(&c, 2);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	while (done < FILLER_MOST) {
		uint32_t n = 1 + below(&c, CHUNK);
		for (uint32_t i = 0; i < n; i++)
			bytes[i] = filler(done + i);
		ssize_t r = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r < 0)
			break;
		done += (uint32_t)r;
		if (filling != FILL_TO_END && excess(fd) >= (filling == FILL_TO_EDGE ? 0 : -2 * BUFFER))
			break;
	}
	return done;
}

/* --- a writer that may have to wait ----------------------------------------------------------- */

/* Goes on after a short count, as a program must, and stops at the first error. */
void write_on(struct writer *w)
{
	struct chance c = { w->salt };
	while (w->known < w->size) {
		bool in_head = w->known < w->head;
		w->in_body = !in_head;
		ssize_t n = through(w->door, w->fd, w->p + w->known, (in_head ? w->head : w->size) - w->known,
		                    MSG_NOSIGNAL, &c);
		if (n < 0) {
			w->error = errno;
			break;
		}
		w->known += (uint32_t)n;
	}
	w->over = true;
}

static bool is_asleep(int tid)
{
	char path[64], line[512];
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	FILE *f = fopen(path, "r");
	const char *state = f != NULL && fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
	if (f != NULL)
		fclose(f);
	return state != NULL && state[2] == 'S';
}

/* Waits until the writer is blocked in a call (`in_body`: the call that writes the body) or has finished. The writer
 * must be seen asleep twice, because it may have slept once for another reason. */
static bool wait_until_blocked(const struct writer *w, bool in_body)
{
	int asleep = 0;
	int64_t limit = now_us() + BLOCKED_MS * 1000;
	while (asleep < 2 && !w->over && now_us() < limit) {
		pause_us(50);
		asleep = w->tid != 0 && (w->in_body || !in_body) && is_asleep(w->tid) ? asleep + 1 : 0;
	}
	return asleep >= 2 || w->over;
}

static void *run_writer(void *arg)
{
	struct writer *w = arg;
	w->tid = (int)syscall(SYS_gettid);
	write_on(w);
	return NULL;
}

bool start_writer(struct writer *w, bool in_body)
{
	if (pthread_create(&w->thread, NULL, run_writer, w) != 0)
		abort();
	return wait_until_blocked(w, in_body);
}

/* --- what ends the write ---------------------------------------------------------------------- */

static sigjmp_buf away;
static volatile sig_atomic_t may_jump;

static void on_time(int signo)
{
	(void)signo;
	if (!may_jump)
		return;
	may_jump = 0;
	siglongjmp(away, 1);
}

static timer_t start_timer(int flags, int64_t first_us, int64_t every_us)
{
	struct sigaction a = { .sa_handler = on_time, .sa_flags = flags };
	struct sigevent e = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
	struct itimerspec t = { { 0, every_us * 1000 }, { 0, first_us * 1000 } };
	timer_t timer;
	e._sigev_un._tid = (int)syscall(SYS_gettid);
	sigaction(SIGUSR2, &a, NULL);
	if (timer_create(CLOCK_MONOTONIC, &e, &timer) != 0)
		abort();
	timer_settime(timer, 0, &t, NULL);
	return timer;
}

/* A time in microseconds at which the writer waits, or is anywhere on its way there. */
static int64_t some_time(const struct writer *w)
{
	return w->salt & 8 ? 1000 : 1 + (w->salt >> 4) % 80;
}

static bool be_cancelled(struct writer *w)
{
	void *result;
	bool waits = w->salt & 8;
	if (waits)
		start_writer(w, false);
	else if (pthread_create(&w->thread, NULL, run_writer, w) != 0)
		abort();
	if (!waits)
		pause_us(some_time(w));
	pthread_cancel(w->thread);
	pthread_join(w->thread, &result);
	return result == PTHREAD_CANCELED;
}

static bool jump_out(struct writer *w, int flags)
{
	static volatile bool jumped; /* static, because local variables may have changed after a jump */
	jumped = true;
	if (sigsetjmp(away, 1) == 0) {
		may_jump = 1;
		timer_t timer = start_timer(flags, some_time(w), 0);
		write_on(w);
		may_jump = 0;
		jumped = false;
		timer_delete(timer);
	}
	return jumped;
}

static void be_interrupted(struct writer *w, int flags)
{
	timer_t timer = start_timer(flags, 500, 500);
	write_on(w);
	timer_delete(timer);
}

static void run_out_of_time(struct writer *w)
{
	struct timeval t = { 0, 2000 }, none = { 0, 0 };
	setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	write_on(w);
	setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
}

void write_to_full(const struct op *o, int fd, struct result *r)
{
	static struct writer w;             /* static, so that a jump leaves it alone */
	bool resumes = o->how == RESTARTED; /* the peer goes on by itself then, as no other thread could tell it to */
	if (is_nonblocking(fd)) {
		r->ret = SKIPPED;
		return;
	}
	stop_peer(o->conn, resumes ? 3 : o->how == TIMED_OUT ? LONG_PATIENCE_MS : PATIENCE_MS);
	r->filled = fill(fd, (enum filling)(o->salt % FILLINGS), o->salt);
	w = (struct writer){ .fd = fd,
		             .p = program->text + o->at,
		             .size = o->size,
		             .head = o->head,
		             .door = o->value,
		             .salt = o->salt };
	if (o->salt % FILLINGS == FILL_TO_EDGE && o->head > 0) { /* there may be no room even for the head */
		ssize_t n = send(fd, w.p, o->head, MSG_DONTWAIT | MSG_NOSIGNAL);
		w.known = n > 0 ? (uint32_t)n : 0;
	}
	switch (o->how) {
	case CANCELLED: r->left = be_cancelled(&w); break;
	case JUMPED: r->left = jump_out(&w, 0); break;
	case JUMPED_RESTARTING: r->left = jump_out(&w, SA_RESTART); break;
	case TIMED_OUT: run_out_of_time(&w); break;
	case RESTARTED: be_interrupted(&w, SA_RESTART); break;
	case INTERRUPTED: be_interrupted(&w, 0); break;
	}
	r->waited = !resumes && atomic_load(&board->forced[o->conn]);
	let_peer_go(o->conn);
	r->ret = w.known;
	r->error = w.error;
	atomic_fetch_add(&board->accepted[o->conn], r->filled + w.known);
}
