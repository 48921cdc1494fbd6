#include "counted.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stats_file.h"
#include "stats_rows.h"

static const char *const words[] = {
#define COUNTER(NAME, ...) \
#NAME              \
	,
#include "counters.def"
#define REASON(NAME, word, ...) word,
#include "reasons.def"
};

/* Adds what this file has counted. */
static void add_file(int directory, const char *name, uint64_t *sums)
{
	union {
		struct stats_head head;
		char bytes[STATS_TOTAL_MAX];
	} *file = calloc(1, sizeof *file);
	int fd = openat(directory, name, O_RDONLY);
	ssize_t size = read(fd, file, sizeof *file);

	cr_assert(size > (ssize_t)sizeof file->head &&
	                  memcmp(file->head.magic, STATS_MAGIC, sizeof file->head.magic) == 0 &&
	                  file->head.head_size + file->head.slots * file->head.slot_size <= size,
	          "%s: no file of counters", name);
	cr_assert(file->head.counters == COUNTERS && file->head.reasons == REASONS, "%s: another library's", name);
	for (uint32_t i = 0; i < file->head.slots; i++) {
		const uint64_t *rows = (void *)(file->bytes + file->head.head_size + i * file->head.slot_size);

		for (unsigned row = 0; row < STATS_ROWS; row++)
			sums[row] += rows[row];
	}
	close(fd);
	free(file);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a + b;
}

static void add_usual(uint64_t *n)
{
	stats_spread_usual(n, sum);
	memset(n + COUNT_HELD_100_US, 0, (COUNT_HELD_NS - COUNT_HELD_100_US + 1) * sizeof *n);
}

static void add_name(struct text *files, const char *name)
{
	if (files == NULL)
		return;
	if (files->n > 0)
		text_add(files, ", ", 2);
	for (; *name != '\0'; name++)
		if (*name < '0' || *name > '9')
			text_add(files, name, 1);
}

struct run *run_counting_in(const char *directory, const struct setup *setup, bool observe)
{
	setenv("ONEWRITE_STATS", directory, 1);
	if (observe)
		setenv("ONEWRITE_OBSERVE", "1", 1);
	struct run *r = run(setup, SHIM);
	unsetenv("ONEWRITE_STATS");
	unsetenv("ONEWRITE_OBSERVE");
	return r;
}

struct run *run_counted(const struct setup *setup, bool observe, struct text *counted, struct text *files)
{
	char directory[] = "/tmp/onewrite-counted-XXXXXX", row[80];
	uint64_t sums[STATS_ROWS] = { 0 };

	cr_assert(mkdtemp(directory) != NULL && chmod(directory, 01777) == 0, "mkdtemp");
	struct run *r = run_counting_in(directory, setup, observe);
	DIR *d = opendir(directory);
	cr_assert(d != NULL, "opendir");
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (*e->d_name != '.') {
			add_name(files, e->d_name);
			add_file(dirfd(d), e->d_name, sums);
			unlinkat(dirfd(d), e->d_name, 0);
		}
	closedir(d);
	rmdir(directory);
	add_usual(sums);
	for (unsigned i = 0; i < STATS_ROWS; i++)
		if (sums[i] != 0)
			text_add(counted, row,
			         (size_t)snprintf(row, sizeof row, "%s%s %llu", counted->n > 0 ? ", " : "", words[i],
			                          (unsigned long long)sums[i]));
	text_add(counted, "", 1);
	return r;
}
