/* Carries out LEAVE: a head is written, and at its deadline the program gives a descriptor up or takes numbers.
 * Afterwards nothing may still refer to the socket, or take one number for another. */
#include "play.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { HIGH = 1000, HIGHS = 4, FEW = 64, MANY = HIGH + 10, SETTLE_US = 250 };

struct spy {
	int epoll; /* watches the socket */
	ino_t inode;
	int pair[2]; /* what gets the number next */
	int filler[MANY], fillers;
	struct rlimit limit;
};

/* Waits until a moment exactly; a sleep alone is not exact. */
static void wait_until(int64_t us)
{
	int64_t left = us - now_us();
	if (left > 200)
		pause_us(left - 150);
	while (now_us() < us) {}
}

static ino_t inode_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Whether a descriptor of any task of this process refers to that socket. */
static bool is_named(ino_t inode)
{
	bool named = false;
	DIR *tasks = opendir("/proc/self/task");
	for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
		char path[300];
		snprintf(path, sizeof path, "/proc/self/task/%s/fd", task->d_name);
		DIR *dir = task->d_name[0] == '.' ? NULL : opendir(path);
		for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;) {
			struct stat st;
			named |= fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && S_ISSOCK(st.st_mode) &&
			         st.st_ino == inode;
		}
		if (dir != NULL)
			closedir(dir);
	}
	if (tasks != NULL)
		closedir(tasks);
	return named;
}

static void watch(struct spy *spy, int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP };
	spy->inode = inode_of(fd);
	spy->epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(spy->epoll, EPOLL_CTL_ADD, fd, &e);
}

static int has_event(const struct spy *spy)
{
	struct epoll_event e;
	return epoll_wait(spy->epoll, &e, 1, 0) > 0 ? LATE_EVENT : 0;
}

/* Takes all numbers below a limit but one. */
static void fill_table(struct spy *spy, uint32_t salt)
{
	getrlimit(RLIMIT_NOFILE, &spy->limit);
	struct rlimit low = { salt & 1 ? MANY : FEW, spy->limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &low);
	for (int fd; spy->fillers < MANY && (fd = dup(BOARD_FD)) >= 0;)
		spy->filler[spy->fillers++] = fd;
	if (spy->fillers > 0)
		close(spy->filler[--spy->fillers]);
}

static int take_last_number(struct spy *spy, int64_t until)
{
	int late = 0;
	do {
		int fd = dup(BOARD_FD);
		if (fd >= 0)
			close(fd);
		else
			late |= NO_NUMBER;
	} while (now_us() < until);
	while (spy->fillers > 0)
		close(spy->filler[--spy->fillers]);
	setrlimit(RLIMIT_NOFILE, &spy->limit);
	return late;
}

/* The program takes numbers that a library might have chosen for itself. */
static int take_high_numbers(const struct spy *spy, int64_t until)
{
	ino_t inode = inode_of(spy->pair[0]);
	int late = 0;
	do {
		for (int i = 0; i < HIGHS; i++)
			dup2(spy->pair[0], HIGH + i);
		wait_until(now_us() + 20);
		for (int i = 0; i < HIGHS; i++) {
			late |= inode_of(HIGH + i) != inode ? LOST_NUMBER : 0;
			close(HIGH + i);
		}
	} while (now_us() < until);
	return late;
}

static int leave(const struct op *o, int fd, const struct spy *spy)
{
	switch (o->how) {
	case LEAVE_CLOSE: return close(fd);
	case LEAVE_SYS_CLOSE: return (int)syscall(SYS_close, fd);
	case LEAVE_RANGE: return close_range((unsigned)fd, (unsigned)fd, 0);
	case LEAVE_SYS_RANGE: return (int)syscall(SYS_close_range, fd, fd, 0);
	case LEAVE_DUP2: return dup2(spy->pair[0], fd) < 0;
	case LEAVE_DUP3: return dup3(spy->pair[0], fd, O_CLOEXEC) < 0;
	case LEAVE_SYS_DUP3: return syscall(SYS_dup3, spy->pair[0], fd, 0) < 0;
	case LEAVE_FCLOSE: {
		FILE *f = is_nonblocking(fd) ? NULL : fdopen(fd, "r+");
		return f != NULL ? fclose(f) : close(fd);
	}
	case LEAVE_UNSHARE:
		move_to_table(o->actor, o->table);
		fds(o->actor)[o->handle] = -1;
		return close_range((unsigned)fd, (unsigned)fd, CLOSE_RANGE_UNSHARE);
	case LEAVE_SHUT: return shutdown(fd, SHUT_WR);
	}
	abort();
}

/* Whether bytes that were meant for the socket have reached what has its number now. */
static int has_strays(const struct spy *spy)
{
	char byte;
	for (int i = 0; i < 2; i++)
		if (recv(spy->pair[i], &byte, 1, MSG_DONTWAIT) >= 0)
			return STRAY;
	return 0;
}

/* Asks the peer whether the end of the connection has come. It is late if the peer has not seen it within 30 ms. */
static int end_is_late(int conn)
{
	const struct plan *plan = &program->plans[conn];
	if (plan->every || plan->gone)
		return 0;
	tell_peer(I_AM_DONE, conn, 0, 0);
	WAIT_UNTIL(atomic_load(&board->over[conn]) || atomic_load(&board->late[conn]));
	return atomic_load(&board->over[conn]) ? 0 : LATE_END;
}

static int after(const struct op *o, int fd, struct spy *spy, bool last, int64_t settled)
{
	bool replaced = o->how == LEAVE_DUP2 || o->how == LEAVE_DUP3 || o->how == LEAVE_SYS_DUP3;
	int late = 0;
	if (last && o->how != LEAVE_SHUT) {
		late |= has_event(spy);
		late |= is_named(spy->inode) ? LATE_NAME : 0;
		late |= has_event(spy);
	}
	if (!replaced)
		socketpair(AF_UNIX, SOCK_STREAM, 0, spy->pair);
	if (last || o->how == LEAVE_SHUT)
		late |= end_is_late(o->conn);
	wait_until(settled);
	late |= has_strays(spy);
	if (replaced) {
		late |= inode_of(fd) != inode_of(spy->pair[0]) ? LOST_NUMBER : 0;
		close(fd);
	}
	return late;
}

void leave_at_deadline(const struct op *o, int fd, int watched, struct result *r)
{
	struct spy spy = { .epoll = -1, .pair = { -1, -1 } };
	bool stays = o->how == STAY_FULL || o->how == STAY_HIGH;
	bool last = program_has_last(program, (uint32_t)(o - program->ops));
	int late = 0, failed = 0;
	forget_file(o->handle);
	watch(&spy, fd);
	if (o->how == STAY_FULL)
		fill_table(&spy, o->salt);
	else if (o->how == STAY_HIGH || o->how == LEAVE_DUP2 || o->how == LEAVE_DUP3 || o->how == LEAVE_SYS_DUP3)
		socketpair(AF_UNIX, SOCK_STREAM, 0, spy.pair);
	write_through(o, o->salt & 2 ? BY_WRITE : BY_SENDMSG, fd, watched, r);
	int64_t due = now_us() + o->value, settled = due + SETTLE_US;
	wait_until(stays ? due - SETTLE_US : due);
	if (o->how == STAY_FULL) {
		late |= take_last_number(&spy, settled);
	} else if (o->how == STAY_HIGH) {
		late |= take_high_numbers(&spy, settled);
		late |= has_strays(&spy);
	} else {
		if (o->how != LEAVE_SHUT && o->how != LEAVE_UNSHARE)
			fds(o->actor)[o->handle] = -1;
		failed = leave(o, fd, &spy) != 0;
		late |= after(o, fd, &spy, last, settled);
	}
	for (int i = 0; i < 2; i++)
		if (spy.pair[i] >= 0)
			close(spy.pair[i]);
	close(spy.epoll);
	r->extra = late | (failed ? LEAVING_FAILED : 0);
}
