#include "file.h"
#include "../../shim/stats_fold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { YOUNG_S = 10 };

const char file_is_being_made[] = "it is being made";

int file_open(int dir, const char *name, const char **why)
{
	struct stat s;
	int fd = openat(dir, name, O_RDONLY | STATS_OPEN_SAFELY);
	if (fd < 0) {
		*why = errno == ENOENT ? NULL : errno == ELOOP ? "it is a symbolic link" : strerror(errno);
		return -1;
	}
	if (fstat(fd, &s) != 0)
		*why = strerror(errno);
	else if (!S_ISREG(s.st_mode))
		*why = "it is no regular file";
	else if (s.st_nlink == 0)
		*why = NULL;
	else if (s.st_nlink != 1)
		*why = "it has a second name";
	else if ((uint64_t)s.st_size > STATS_TOTAL_MAX)
		*why = "it is larger than a file of counters can be";
	else
		return fd;
	close(fd);
	return -1;
}

static bool is_total(const char *name)
{
	size_t n = strlen(name);
	return n >= strlen(STATS_TOTAL) && strcmp(name + n - strlen(STATS_TOTAL), STATS_TOTAL) == 0;
}

/* Is this the name that a file with this head is to have? */
static const char *name_trouble(const struct counted *c, const char *name)
{
	char right[STATS_NAME_MAX];
	if (!is_total(name))
		return stats_name_trouble(&c->head, name);
	stats_total_name(right, &c->head, c->uid);
	return strcmp(name, right) == 0 ? NULL : "its name is not the one that its owner and its head say";
}

const char *file_head(int fd, const char *name, struct counted *c)
{
	struct stat s;
	memset(c, 0, sizeof *c);
	if (fstat(fd, &s) != 0)
		return strerror(errno);
	c->uid = s.st_uid;
	if (s.st_size == 0 && is_total(name))
		return NULL;
	ssize_t n = pread(fd, &c->head, sizeof c->head, 0);
	if (n < 0)
		return strerror(errno);
	if (c->head.magic[0] == '\0' && time(NULL) - s.st_mtime < YOUNG_S)
		return file_is_being_made;
	const char *why = stats_trouble(&c->head, n < (ssize_t)sizeof c->head ? 0 : (uint64_t)s.st_size);
	return why != NULL ? why : name_trouble(c, name);
}

/* Adds the rows of one slot, as far as they are known. */
static void add_slot(struct counted *c, const char *slot)
{
	uint64_t rows[STATS_ROWS_MAX];
	const struct stats_head *h = &c->head;
	memcpy(rows, slot, (h->counters + h->reasons) * sizeof *rows);
	stats_add(c->counters, rows, h->counters < COUNTERS ? h->counters : COUNTERS);
	stats_add(c->reasons, rows + h->counters, h->reasons < REASONS ? h->reasons : REASONS);
}

const char *file_read(int fd, const char *name, struct counted *c)
{
	static char bytes[STATS_TOTAL_MAX];
	const char *why = file_head(fd, name, c);
	if (why != NULL || c->head.head_size == 0)
		return why;
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	if (n < (ssize_t)sizeof c->head)
		return n < 0 ? strerror(errno) : "it is cut short";
	memcpy(&c->head, bytes, sizeof c->head); /* it may be another one by now */
	if ((why = stats_trouble(&c->head, (uint64_t)n)) != NULL || (why = name_trouble(c, name)) != NULL)
		return why;
	for (uint32_t i = 0; i < c->head.slots; i++)
		add_slot(c, bytes + c->head.head_size + (size_t)i * c->head.slot_size);
	return NULL;
}
