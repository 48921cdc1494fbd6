#include "collect.h"
#include "../../shim/stats_fold.h"
#include "../probe/say.h"
#include "file.h"
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	NAMES_MAX = 65536,      /* files of the directory that are looked at */
	FILES_OF_A_USER = 4096, /* so that a user who makes more takes no room from the others */
	PROGRAMS_OF_A_USER = 256,
	LOCK_MS = 1000,  /* so long is waited for one lock, */
	LOCKS_MS = 3000, /* and so long for all of them, each time that all is read */
	LOCK_STEP_MS = 10,
	READINGS = 5, /* of a program whose total changes meanwhile and cannot be locked */
};

/* A file that is to be read, or a total: then it has no name but the key. */
struct found {
	char *name;
	char key[STATS_NAME_MAX];
	uint32_t uid;
};

struct user {
	uint32_t uid;
	unsigned files, programs;
};

static DIR *directory;
static int dir;
static const char *dir_name;
static bool complaining;
static int locks_ms; /* what is left of LOCKS_MS */

static struct user *users;
static size_t user_count;

/* One line about a file of the directory; its name may be anything. */
static void __attribute__((format(printf, 2, 3))) complain(const char *name, const char *what, ...)
{
	va_list args;
	if (!complaining)
		return;
	fprintf(stderr, "onewrite: %s/", dir_name);
	for (; *name != '\0'; name++)
		putc(*name > ' ' && *name <= '~' ? *name : '?', stderr);
	fputs(": ", stderr);
	va_start(args, what);
	vfprintf(stderr, what, args);
	va_end(args);
	putc('\n', stderr);
}

static void *room_for(void *each, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return each; /* there is room up to the next power of two */
	each = reallocarray(each, count == 0 ? 1 : 2 * count, size);
	if (each == NULL)
		fail("out of memory: end other programs, and try again");
	return each;
}

static struct user *user_of(uint32_t uid)
{
	for (size_t i = 0; i < user_count; i++)
		if (users[i].uid == uid)
			return &users[i];
	users = room_for(users, user_count, sizeof *users);
	users[user_count] = (struct user){ .uid = uid };
	return &users[user_count++];
}

void collect_open(const char *name)
{
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		refuse("--show '%s' is no directory: name the one that ONEWRITE_STATS names", name);
	if (fd < 0 || (directory = fdopendir(fd)) == NULL)
		fail("--show '%s' cannot be read (%s): ask as its user or as root", name, strerror(errno));
	dir = fd;
	dir_name = name;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), size = strlen(end);
	return n > size && strcmp(text + n - size, end) == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the files that may be ours, sorted: so the same ones are read each time where there are too many. */
static char **list_names(size_t *count)
{
	char **names = NULL;
	size_t left_out = 0;
	rewinddir(directory);
	*count = 0;
	errno = 0;
	for (struct dirent *d; (d = readdir(directory)) != NULL; errno = 0) {
		if (!ends_in(d->d_name, STATS_SUFFIX) && !ends_in(d->d_name, STATS_TOTAL))
			continue;
		if (*count == NAMES_MAX) {
			left_out++;
			continue;
		}
		names = room_for(names, *count, sizeof *names);
		names[(*count)++] = format("%s", d->d_name);
	}
	if (errno != 0)
		fail("--show '%s' cannot be read (%s): see whether its file system is in order", dir_name,
		     strerror(errno));
	if (left_out > 0)
		complain("", "%zu files are left out, %d are the most: remove what does not belong there", left_out,
		         NAMES_MAX);
	if (*count > 0)
		qsort(names, *count, sizeof *names, by_text);
	return names;
}

/* Waits a moment for a lock. False: that was long enough. */
static bool wait_for_lock(int *left_ms)
{
	if (*left_ms <= 0 || locks_ms <= 0)
		return false;
	*left_ms -= LOCK_STEP_MS;
	locks_ms -= LOCK_STEP_MS;
	usleep(LOCK_STEP_MS * 1000);
	return true;
}

static void fold(const char *name)
{
	static struct stats_fold room = { .syscall = syscall, .fstat = fstat };
	const char *why;
	int left_ms = LOCK_MS;
	do
		why = stats_fold(&room, dir, name);
	while (why == stats_busy && wait_for_lock(&left_ms));
	if (why != NULL)
		complain(name, "its process has ended, and it is not folded: %s", why);
}

/* Looks at one file, and folds it if its process has ended. Returns whether it is one to be read. */
static bool look_at(char *name, struct found *f)
{
	struct counted c;
	const char *why;
	int fd = file_open(dir, name, &why);
	if (fd >= 0) {
		why = file_head(fd, name, &c);
		close(fd);
	}
	if (fd < 0 || why != NULL) {
		if (why != NULL && why != file_is_being_made)
			complain(name, "is left out: %s", why);
		return false;
	}
	struct user *user = user_of(c.uid);
	if (c.head.head_size == 0)
		return false; /* an empty total */
	if (user->files++ >= FILES_OF_A_USER) {
		if (user->files == FILES_OF_A_USER + 1)
			complain(name, "this and what comes behind it of its owner is left out: %d files are the most",
			         FILES_OF_A_USER);
		return false;
	}
	bool is_total = ends_in(name, STATS_TOTAL);
	*f = (struct found){ .name = is_total ? NULL : name, .uid = c.uid };
	stats_total_name(f->key, &c.head, c.uid);
	if (!is_total && (geteuid() == c.uid || geteuid() == 0) && process_has_ended(&c.head))
		fold(name);
	return true;
}

/* Adds what a file says to its program. Programs that have the same key have names that differ in odd characters: the
 * first one in the order of the alphabet is shown. */
static void add(struct program *p, const struct counted *c)
{
	char name[sizeof p->name];
	strcpy(name, c->head.program);
	for (char *at = name; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	if (p->name[0] == '\0' || strcmp(name, p->name) < 0)
		strcpy(p->name, name);
	p->mode = (enum stats_mode)c->head.mode;
	stats_add(p->counters, c->counters, COUNTERS);
	stats_add(p->reasons, c->reasons, REASONS);
}

/* Opens and reads a total, and locks it if `locked` is not NULL. Returns its descriptor, or -1 where there is none. */
static int read_total(const char *key, struct counted *c, bool *locked)
{
	const char *why;
	int fd = file_open(dir, key, &why), left_ms = LOCK_MS;
	memset(c, 0, sizeof *c);
	if (fd < 0)
		return -1;
	while (locked != NULL && !(*locked = flock(fd, LOCK_SH | LOCK_NB) == 0))
		if ((errno != EWOULDBLOCK && errno != EINTR) || !wait_for_lock(&left_ms)) {
			complain(key, "another process has it locked: it is read without a lock");
			break;
		}
	if (file_read(fd, key, c) != NULL)
		memset(c, 0, sizeof *c); /* look_at() has said why */
	return fd;
}

static bool is_same(const struct counted *a, const struct counted *b)
{
	return memcmp(&a->head, &b->head, sizeof a->head) == 0 &&
	       memcmp(a->counters, b->counters, sizeof a->counters) == 0 &&
	       memcmp(a->reasons, b->reasons, sizeof a->reasons) == 0;
}

/* Reads the files of one program, and its total. Meanwhile nobody can fold, for the total is locked. Where there is
 * none yet, or it cannot be locked, a fold is seen by a total that has changed, and all is read again. */
static void read_program(struct program *p, const struct found *files, size_t count)
{
	bool is_whole = false;
	for (int readings = 0; readings < READINGS && !is_whole; readings++) {
		struct counted total, c;
		bool locked = false;
		*p = (struct program){ .uid = files->uid };
		strcpy(p->key, files->key);
		int fd = read_total(p->key, &total, &locked);
		if (total.head.processes > 0) {
			add(p, &total);
			p->ended = total.head.processes;
		}
		for (size_t i = 0; i < count; i++) {
			const char *why;
			int file = files[i].name != NULL ? file_open(dir, files[i].name, &why) : -1;
			if (file < 0)
				continue; /* it was folded, and is in the total */
			why = file_read(file, files[i].name, &c);
			close(file);
			if (why != NULL || c.uid != p->uid || stats_is_noted(&total.head, &c.head))
				continue;
			add(p, &c);
			if (process_has_ended(&c.head))
				p->ended++;
			else
				p->living++;
		}
		if (fd >= 0)
			close(fd);
		is_whole = locked;
		if (!locked) {
			fd = read_total(p->key, &c, NULL);
			is_whole = is_same(&c, &total);
			if (fd >= 0)
				close(fd);
		}
	}
	if (!is_whole)
		complain(p->key, "it changes faster than it can be read: numbers may be too small or too large");
}

static void name_user(struct program *p)
{
	const struct passwd *entry = getpwuid(p->uid);
	snprintf(p->user, sizeof p->user, "%u", p->uid);
	if (entry != NULL)
		snprintf(p->user, sizeof p->user, "%s", entry->pw_name);
	for (char *at = p->user; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			*at = '?';
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->key, ((const struct found *)b)->key);
}

static int by_name(const void *a, const void *b)
{
	const struct program *p = a, *q = b;
	int order = strcmp(p->name, q->name);
	return order != 0 ? order : strcmp(p->key, q->key);
}

/* Reads the programs of these files, which are sorted by their keys. */
static struct programs read_programs(const struct found *found, size_t count)
{
	struct programs all = { .count = 0 };
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && strcmp(found[end].key, found[i].key) == 0;)
			end++;
		struct user *user = user_of(found[i].uid);
		if (user->programs++ >= PROGRAMS_OF_A_USER) {
			if (user->programs == PROGRAMS_OF_A_USER + 1)
				complain(found[i].key,
				         "this and what comes behind it of its owner is left out: "
				         "%d programs are the most",
				         PROGRAMS_OF_A_USER);
			continue;
		}
		all.each = room_for(all.each, all.count, sizeof *all.each);
		struct program *p = &all.each[all.count];
		read_program(p, found + i, end - i);
		name_user(p);
		all.count += p->living + p->ended > 0;
	}
	if (all.count > 0)
		qsort(all.each, all.count, sizeof *all.each, by_name);
	return all;
}

struct programs collect(bool complains)
{
	struct found *found = NULL;
	size_t count = 0, name_count;
	complaining = complains;
	locks_ms = LOCKS_MS;
	user_count = 0;
	char **names = list_names(&name_count);
	for (size_t i = 0; i < name_count; i++) {
		found = room_for(found, count, sizeof *found);
		count += look_at(names[i], &found[count]);
	}
	if (count > 0)
		qsort(found, count, sizeof *found, by_key);
	struct programs all = read_programs(found, count);
	for (size_t i = 0; i < name_count; i++)
		free(names[i]);
	free(names);
	free(found);
	return all;
}
