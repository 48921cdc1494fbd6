#include "counters.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void counters_begin(struct counters *c, const char *program, pid_t pid, uint64_t started)
{
	struct stat space;
	memset(c, 0, sizeof *c);
	cr_assert(stat("/proc/self/ns/pid", &space) == 0);
	memcpy(c->head.magic, STATS_MAGIC, sizeof c->head.magic);
	c->head.head_size = sizeof c->head;
	c->head.slots = STATS_SLOTS;
	c->head.slot_size = sizeof c->slots[0];
	c->head.counters = COUNTERS;
	c->head.reasons = REASONS;
	c->head.pid = pid;
	c->head.started = started;
	c->head.pid_space = space.st_ino;
	c->head.began = 1700000000;
	c->head.processes = 1;
	strcpy(c->head.release, "0.2.0");
	snprintf(c->head.program, sizeof c->head.program, "%s", program);
}

uint64_t started_of(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long started = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	cr_assert_not_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	cr_assert(sscanf(strrchr(text, ')') + 1,
	                 "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	                 "%*s %*s %llu",
	                 &started) == 1);
	return started;
}

static void set(struct counters *c, size_t row, uint64_t value)
{
	for (size_t i = 0; i < STATS_SLOTS; i++)
		c->slots[i][row] = value / STATS_SLOTS;
	c->slots[row % STATS_SLOTS][row] += value % STATS_SLOTS;
}

void count(struct counters *c, enum counter row, uint64_t value)
{
	set(c, row, value);
}

void count_reason(struct counters *c, enum reason row, uint64_t value)
{
	set(c, COUNTERS + (size_t)row, value);
}

/* What a reader may take for a file of counters, the magic, comes last. */
void counters_write(const struct counters *c, const char *directory)
{
	char name[STATS_NAME_MAX], path[512];
	stats_name(name, &c->head);
	snprintf(path, sizeof path, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t magic = sizeof c->head.magic;
	cr_assert(fd >= 0 && pwrite(fd, (const char *)c + magic, sizeof *c - magic, (off_t)magic) > 0 &&
	                  pwrite(fd, c, magic, 0) == (ssize_t)magic,
	          "cannot write %s", path);
	close(fd);
}

void counters_put(const char *directory, const char *program, pid_t pid, enum counter row, uint64_t value)
{
	struct counters c;
	counters_begin(&c, program, pid, 1);
	count(&c, row, value);
	counters_write(&c, directory);
}

uint64_t number_in(const char *shown, const char *name)
{
	char word[64];
	snprintf(word, sizeof word, "\"%s\":", name);
	const char *at = strstr(shown, word);
	return at != NULL ? strtoull(at + strlen(word), NULL, 10) : UINT64_MAX;
}

uint64_t shown(const char *directory, const char *name)
{
	char command[512], text[65536];
	snprintf(command, sizeof command, "exec " SHOW " --format json %s", directory);
	FILE *f = popen(command, "re");
	cr_assert_not_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	int status = pclose(f);
	cr_assert(status == 0 || status == 1 << 8, "show: status %#x", status);
	return number_in(text, name);
}
