#include "stats_fold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/uio.h>

const char stats_busy[] = "another process is at its total";

/* preadv() and pwritev() have the same arguments on machines of either word size. Is all of it done? */
static bool all_of(struct stats_fold *f, long call, int fd, void *bytes, size_t size, uint64_t offset)
{
	struct iovec all = { bytes, size };
	return f->syscall(call, (long)fd, &all, 1L, (long)offset, 0L) == (long)size;
}

static int open_file(struct stats_fold *f, int dir, const char *name, int flags)
{
	return (int)f->syscall(SYS_openat, (long)dir, name, (long)(flags | STATS_OPEN_SAFELY), 0644L);
}

static bool is_plain_file(const struct stat *s)
{
	return S_ISREG(s->st_mode) && s->st_nlink == 1;
}

/* Opens a user's total, which is made for that user if it is not there. It is made by O_EXCL, since the kernel lets
 * nobody open another user's file by O_CREAT in a directory of everybody's. */
static int open_total(struct stats_fold *f, int dir, const char *name, const struct stat *owner)
{
	int fd = open_file(f, dir, name, O_RDWR);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open_file(f, dir, name, O_RDWR | O_CREAT | O_EXCL);
	struct stat s;
	if (fd >= 0 && (f->syscall(SYS_fchmod, (long)fd, 0644L) != 0 || f->fstat(fd, &s) != 0 ||
	                (s.st_uid != owner->st_uid && f->syscall(SYS_fchownat, (long)fd, "", (long)owner->st_uid,
	                                                         (long)owner->st_gid, (long)AT_EMPTY_PATH) != 0))) {
		f->syscall(SYS_unlinkat, (long)dir, name, 0L);
		f->syscall(SYS_close, (long)fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

static const char *add_file(struct stats_fold *f, int fd, int total)
{
	const struct stats_head *h = &f->file;
	if (!stats_total_note(&f->total, h))
		return "its total has no room for its rows";
	for (uint32_t i = 0; i < h->slots; i++) {
		size_t size = (h->counters + h->reasons) * sizeof *f->slot;
		if (!all_of(f, SYS_preadv, fd, f->slot, size, h->head_size + (uint64_t)i * h->slot_size))
			return "it cannot be read";
		stats_add(f->total.rows, f->slot, h->counters);
		stats_add(f->total.rows + f->total.head.counters, f->slot + h->counters, h->reasons);
	}
	return all_of(f, SYS_pwritev, total, &f->total, sizeof f->total, 0) ? NULL : "its total cannot be written";
}

/* Removes the file that was added last, if whoever added it was ended before it could. Returns whether it is gone: only
 * then the note may be written over. */
static bool remove_noted(struct stats_fold *f, int dir, uint32_t uid)
{
	struct stats_head noted;
	struct stat s;
	bool is_gone = true;
	stats_noted_name(f->noted_name, &f->total.head);
	int fd = f->total.head.processes > 0 ? open_file(f, dir, f->noted_name, O_RDONLY) : -1;
	if (fd < 0)
		return true;
	if (f->fstat(fd, &s) == 0 && is_plain_file(&s) && s.st_uid == uid &&
	    all_of(f, SYS_preadv, fd, &noted, sizeof noted, 0) && stats_is_noted(&f->total.head, &noted))
		is_gone = f->syscall(SYS_unlinkat, (long)dir, f->noted_name, 0L) == 0;
	f->syscall(SYS_close, (long)fd);
	return is_gone;
}

/* Both are open, and the total is locked. */
static const char *fold_locked(struct stats_fold *f, int dir, const char *name, int fd, int total, uint32_t uid)
{
	struct stat s, t;
	if (f->fstat(fd, &s) != 0 || f->fstat(total, &t) != 0)
		return "its state is not told";
	if (s.st_nlink == 0)
		return NULL; /* another process was faster */
	if (t.st_nlink == 0)
		return stats_busy; /* somebody has removed the total */
	if (!is_plain_file(&t) || t.st_uid != uid || (t.st_size != 0 && t.st_size != STATS_TOTAL_SIZE))
		return "what has the name of its total is none";
	if (t.st_size == 0)
		stats_total_begin(&f->total, &f->file);
	else if (!all_of(f, SYS_preadv, total, &f->total, sizeof f->total, 0) ||
	         stats_trouble(&f->total.head, sizeof f->total) != NULL || f->total.head.slots != 1 ||
	         f->total.head.head_size != sizeof f->total.head || f->total.head.mode != f->file.mode)
		return "its total is damaged";
	const char *why = NULL;
	if (!stats_is_noted(&f->total.head, &f->file))
		why = remove_noted(f, dir, uid) ? add_file(f, fd, total) : "the file before it cannot be removed";
	if (why == NULL && f->syscall(SYS_unlinkat, (long)dir, name, 0L) != 0)
		why = "it is added, and cannot be removed";
	return why;
}

const char *stats_fold(struct stats_fold *f, int dir, const char *name)
{
	const char *why = "it cannot be read";
	struct stat s = { .st_nlink = 1 };
	int fd = open_file(f, dir, name, O_RDONLY), total;
	if (fd < 0)
		return errno == ENOENT ? NULL : why;
	if (f->fstat(fd, &s) == 0 && s.st_nlink == 0)
		why = NULL; /* another process was faster */
	else if (is_plain_file(&s) && all_of(f, SYS_preadv, fd, &f->file, sizeof f->file, 0) &&
	         (why = stats_trouble(&f->file, (uint64_t)s.st_size)) == NULL &&
	         (why = stats_name_trouble(&f->file, name)) == NULL) {
		stats_total_name(f->total_name, &f->file, s.st_uid);
		total = open_total(f, dir, f->total_name, &s);
		if (total < 0)
			why = errno == EEXIST ? stats_busy : "its total cannot be opened";
		else if (f->syscall(SYS_flock, (long)total, (long)(LOCK_EX | LOCK_NB)) != 0)
			why = errno == EWOULDBLOCK || errno == EINTR ? stats_busy : "its total cannot be locked";
		else
			why = fold_locked(f, dir, name, fd, total, s.st_uid);
		if (total >= 0)
			f->syscall(SYS_close, (long)total);
	}
	f->syscall(SYS_close, (long)fd);
	return why;
}
